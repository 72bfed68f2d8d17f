#include "io/pickle.hpp"

#include <unordered_map>
#include <utility>

#include "io/byte_reader.hpp"

namespace tessera::io {

using Kind = PickleNode::Kind;

/// The stack machine of pickletools.py.
class PickleMachine {
 public:
  PickleMachine(std::span<const std::byte> bytes, std::string_view file) : file_(file), in_(bytes, file) {}

  Pickle run() {
    while (step(in_.read<std::uint8_t>("a pickle opcode"))) {
    }
    Pickle pickle;
    pickle.root_ = pop();
    pickle.nodes_ = std::move(nodes_);
    return pickle;
  }

 private:
  bool step(std::uint8_t opcode) {
    switch (opcode) {
      case 0x80:  // PROTO
        if (const auto protocol = in_.read<std::uint8_t>("the pickle protocol"); protocol > 2) {
          fail_user("{} cannot be read: pickle protocol {}: save it with torch.save's default, 2", file_,
                    protocol);
        }
        return true;
      case '.':  // STOP
        return false;
      case '(':
        return push({.kind = Kind::Mark});
      case '}':
        return push({.kind = Kind::Dict});
      case ')':
        return push({.kind = Kind::Tuple});
      case 'N':
        return push({.kind = Kind::None});
      case 0x88:  // NEWTRUE
      case 0x89:  // NEWFALSE
        return push({.kind = Kind::Bool, .integer = opcode == 0x88});
      case 'K':  // BININT1
        return push({.kind = Kind::Integer, .integer = in_.read<std::uint8_t>("a pickled integer")});
      case 'M':  // BININT2
        return push({.kind = Kind::Integer, .integer = in_.read<std::uint16_t>("a pickled integer")});
      case 'J':  // BININT
        return push({.kind = Kind::Integer, .integer = in_.read<std::int32_t>("a pickled integer")});
      case 'X':  // BINUNICODE
        return push({.kind = Kind::Text,
                     .text = in_.take_text(in_.read<std::uint32_t>("a pickled text"), "a pickled text")});
      case 'c':
        return push({.kind = Kind::Global, .text = line(), .name = line()});
      case 'q':  // BINPUT
        return put(in_.read<std::uint8_t>("a pickle memo"));
      case 'r':  // LONG_BINPUT
        return put(in_.read<std::uint32_t>("a pickle memo"));
      case 'h':  // BINGET
        return get(in_.read<std::uint8_t>("a pickle memo"));
      case 'j':  // LONG_BINGET
        return get(in_.read<std::uint32_t>("a pickle memo"));
      case 0x85:  // TUPLE1..3
      case 0x86:
      case 0x87:
        return push({.kind = Kind::Tuple, .items = pop_many(opcode - 0x84u)});
      case 't':
        return push({.kind = Kind::Tuple, .items = pop_to_mark()});
      case 'Q':  // BINPERSID
        return push({.kind = Kind::Persistent, .items = pop_many(1)});
      case 'R':  // REDUCE
        return push({.kind = Kind::Call, .items = pop_many(2)});
      case 's':
        return set_items(pop_many(2));
      case 'u':
        return set_items(pop_to_mark());
      default:
        fail_user(
            "{} cannot be read: pickle opcode {:#04x} at offset {}: only dictionaries of tensors are read",
            file_, opcode, in_.position() - 1);
    }
  }

  bool push(PickleNode node) {
    nodes_.push_back(std::move(node));
    stack_.push_back(static_cast<std::uint32_t>(nodes_.size() - 1));
    return true;
  }

  std::uint32_t pop() {
    if (stack_.empty() || nodes_[stack_.back()].kind == Kind::Mark) damaged("takes from an empty stack");
    const std::uint32_t top = stack_.back();
    stack_.pop_back();
    return top;
  }

  std::vector<std::uint32_t> pop_many(std::size_t count) {
    std::vector<std::uint32_t> items(count);
    for (std::size_t i = count; i-- > 0;) items[i] = pop();
    return items;
  }

  std::vector<std::uint32_t> pop_to_mark() {
    std::size_t begin = stack_.size();
    while (begin != 0 && nodes_[stack_[begin - 1]].kind != Kind::Mark) --begin;
    if (begin == 0) damaged("has no mark");
    std::vector<std::uint32_t> items(stack_.begin() + static_cast<std::ptrdiff_t>(begin), stack_.end());
    stack_.resize(begin - 1);
    return items;
  }

  bool set_items(const std::vector<std::uint32_t>& items) {
    if (stack_.empty() || nodes_[stack_.back()].kind != Kind::Dict || items.size() % 2 != 0) {
      damaged("sets items outside a dictionary");
    }
    auto& dict = nodes_[stack_.back()].items;
    dict.insert(dict.end(), items.begin(), items.end());
    return true;
  }

  bool put(std::uint32_t slot) {
    if (stack_.empty()) damaged("remembers nothing");
    memo_[slot] = stack_.back();
    return true;
  }

  bool get(std::uint32_t slot) {
    const auto it = memo_.find(slot);
    if (it == memo_.end()) damaged("recalls what it never saw");
    stack_.push_back(it->second);
    return true;
  }

  std::string_view line() {
    std::size_t length = 0;
    ByteReader ahead = in_;
    while (ahead.read<char>("a pickled name") != '\n') ++length;
    const auto text = in_.take_text(length, "a pickled name");
    in_.take(1, "a pickled name");
    return text;
  }

  [[noreturn]] void damaged(std::string_view what) {
    fail_user("{} is damaged: its pickle {} at offset {}: get the file again", file_, what, in_.position());
  }

  std::string_view file_;
  ByteReader in_;
  std::vector<PickleNode> nodes_;
  std::vector<std::uint32_t> stack_;
  std::unordered_map<std::uint32_t, std::uint32_t> memo_;
};

Pickle Pickle::parse(std::span<const std::byte> bytes, std::string_view file) {
  constexpr std::size_t kLargest = std::size_t{1} << 20;
  if (bytes.size() > kLargest) {
    fail_user("{} cannot be read: its pickle has {} bytes: only dictionaries of a few tensors are read", file,
              bytes.size());
  }
  return PickleMachine(bytes, file).run();
}

const PickleNode* Pickle::value(const PickleNode& dict, std::string_view key) const {
  if (dict.kind != Kind::Dict) return nullptr;
  for (std::size_t i = 0; i + 1 < dict.items.size(); i += 2) {
    const PickleNode& name = at(dict.items[i]);
    if (name.kind == Kind::Text && name.text == key) return &at(dict.items[i + 1]);
  }
  return nullptr;
}

}  // namespace tessera::io
