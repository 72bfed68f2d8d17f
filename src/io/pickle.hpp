#pragma once
// The part of Python's pickle, protocol 2, that a dictionary of tensors needs. Nothing is executed: a call is
// kept as a node that says what would be called.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tessera::io {

/// One value. Children are positions in the arena, so that nesting costs no recursion.
struct PickleNode {
  enum class Kind : std::uint8_t { None, Bool, Integer, Text, Global, Tuple, Dict, Persistent, Call, Mark };
  Kind kind = Kind::None;
  std::int64_t integer = 0;         // Bool, Integer
  std::string_view text{}, name{};  // Text; Global: module and name. They point into the pickle
  // Tuple: its items; Dict: key, value, ...; Persistent: the id; Call: callable, arguments
  std::vector<std::uint32_t> items{};
};

class Pickle {
 public:
  /// Throws UserError for more than 1 MiB (a real one has some 300 bytes; a node takes 72), for an opcode
  /// outside the subset or a damaged stream. `file` names the bytes in errors.
  static Pickle parse(std::span<const std::byte> bytes, std::string_view file);

  const PickleNode& root() const { return nodes_.at(root_); }
  const PickleNode& at(std::uint32_t index) const { return nodes_.at(index); }
  /// The value of a text key of a Dict; nullptr when absent.
  const PickleNode* value(const PickleNode& dict, std::string_view key) const;

 private:
  friend class PickleMachine;
  std::vector<PickleNode> nodes_;
  std::uint32_t root_ = 0;
};

}  // namespace tessera::io
