#include "io/refpt.hpp"

#include <cstring>
#include <limits>
#include <map>
#include <string_view>

#include "io/byte_reader.hpp"
#include "io/pickle.hpp"
#include "io/zip_reader.hpp"
#include "util/file.hpp"

namespace tessera::io {
namespace {

using Kind = PickleNode::Kind;
using Entries = std::map<std::string_view, std::span<const std::byte>>;

struct IntTensor {
  std::vector<std::int64_t> shape;
  std::vector<std::int32_t> values;
};

/// Follows _rebuild_tensor_v2(storage, offset, size, stride, ...) to a storage of the archive.
class TensorReader {
 public:
  TensorReader(const Pickle& pickle, const Entries& entries, std::string folder, const std::string& file)
      : pickle_(pickle), entries_(entries), folder_(std::move(folder)), file_(file) {}

  IntTensor read(std::string_view key) const {
    const PickleNode* call = pickle_.value(pickle_.root(), key);
    if (call == nullptr) bad(key, "is missing");
    const PickleNode& function = child(*call, Kind::Call, 0, Kind::Global, key);
    if (function.name != "_rebuild_tensor_v2") bad(key, "is not a tensor");
    const PickleNode& arguments = child(*call, Kind::Call, 1, Kind::Tuple, key);
    const PickleNode& storage_id = child(arguments, Kind::Tuple, 0, Kind::Persistent, key);
    const std::int64_t offset = child(arguments, Kind::Tuple, 1, Kind::Integer, key).integer;
    const auto shape = integers(child(arguments, Kind::Tuple, 2, Kind::Tuple, key), key);
    const auto strides = integers(child(arguments, Kind::Tuple, 3, Kind::Tuple, key), key);
    const std::span<const std::byte> storage =
        find_storage(child(storage_id, Kind::Persistent, 0, Kind::Tuple, key), key);
    const std::int64_t count = contiguous(shape, strides, key);
    const auto stored = static_cast<std::int64_t>(storage.size() / 8);
    if (offset < 0 || offset > stored || count > stored - offset) bad(key, "is larger than its storage");
    return {shape, convert(storage.subspan(static_cast<std::size_t>(offset) * 8,
                                           static_cast<std::size_t>(count) * 8),
                           key)};
  }

 private:
  const PickleNode& child(const PickleNode& parent, Kind parent_kind, std::size_t index, Kind kind,
                          std::string_view key) const {
    if (parent.kind != parent_kind || index >= parent.items.size()) bad(key, "is not a tensor");
    const PickleNode& node = pickle_.at(parent.items[index]);
    if (node.kind != kind) bad(key, "is not a tensor");
    return node;
  }

  std::vector<std::int64_t> integers(const PickleNode& tuple, std::string_view key) const {
    if (tuple.items.size() > 4) bad(key, "has more than four dimensions");
    std::vector<std::int64_t> values;
    for (const std::uint32_t item : tuple.items) {
      if (pickle_.at(item).kind != Kind::Integer) bad(key, "is not a tensor");
      values.push_back(pickle_.at(item).integer);
    }
    return values;
  }

  /// ('storage', torch.LongStorage, '0', 'cpu', 5120): entry data/0.
  std::span<const std::byte> find_storage(const PickleNode& id, std::string_view key) const {
    if (child(id, Kind::Tuple, 1, Kind::Global, key).name != "LongStorage") bad(key, "is not int64");
    const auto it =
        entries_.find(folder_ + "data/" + std::string(child(id, Kind::Tuple, 2, Kind::Text, key).text));
    if (it == entries_.end()) bad(key, "has no storage in the archive");
    return it->second;
  }

  /// Number of values; dimensions of one value may have any stride.
  std::int64_t contiguous(std::span<const std::int64_t> shape, std::span<const std::int64_t> strides,
                          std::string_view key) const {
    if (shape.size() != strides.size()) bad(key, "is not a tensor");
    std::int64_t count = 1;
    for (std::size_t d = shape.size(); d-- > 0;) {
      if (shape[d] < 1 || shape[d] > (std::int64_t{1} << 31) / count) bad(key, "has an absurd shape");
      if (shape[d] != 1 && strides[d] != count) bad(key, "is not contiguous");
      count *= shape[d];
    }
    return count;
  }

  std::vector<std::int32_t> convert(std::span<const std::byte> bytes, std::string_view key) const {
    std::vector<std::int32_t> values(bytes.size() / 8);
    for (std::size_t i = 0; i < values.size(); ++i) {
      std::int64_t value;
      std::memcpy(&value, bytes.data() + i * 8, 8);
      if (value < 0 || value > std::numeric_limits<std::int32_t>::max())
        bad(key, "holds what is no token id");
      values[i] = static_cast<std::int32_t>(value);
    }
    return values;
  }

  [[noreturn]] void bad(std::string_view key, std::string_view what) const {
    fail_user(
        "{} is not a reference file: '{}' {}: write it with TT-Transformers' generate_reference_outputs",
        file_, key, what);
  }

  const Pickle& pickle_;
  const Entries& entries_;
  std::string folder_;  // "archive/"
  const std::string& file_;
};

}  // namespace

ReferenceTokens parse_refpt(std::span<const std::byte> bytes, const std::string& file) {
  const Entries entries = read_stored_zip(bytes, file);
  constexpr std::string_view kPickle = "data.pkl";
  for (const auto& [name, data] : entries) {
    if (!name.ends_with(kPickle)) continue;
    const Pickle pickle = Pickle::parse(data, file);
    const TensorReader reader(pickle, entries, std::string(name.substr(0, name.size() - kPickle.size())),
                              file);
    IntTensor tokens = reader.read("reference_tokens");
    const IntTensor top5 = reader.read("top5_tokens");
    const std::size_t rows = top5.values.size() / 5, count = tokens.values.size();
    if (top5.shape.size() != 2 || top5.shape[1] != 5 || tokens.shape.empty() ||
        tokens.shape.back() != static_cast<std::int64_t>(count) || (rows != count && rows + 1 != count)) {
      fail_user(
          "{} is not a reference file: {} tokens and {} values of top five: a row of five a token is needed",
          file, count, top5.values.size());
    }
    ReferenceTokens result;
    result.tokens = std::move(tokens.values);
    result.top5.resize(rows);
    for (std::size_t i = 0; i < rows; ++i) std::memcpy(result.top5[i].data(), top5.values.data() + i * 5, 20);
    return result;
  }
  fail_user("{} is not a reference file: its archive has no data.pkl: write it with torch.save", file);
}

ReferenceTokens read_refpt(const std::filesystem::path& path) {
  const auto mapping = MappedFile::open(path);
  return parse_refpt(mapping->bytes(), path.string());
}

}  // namespace tessera::io
