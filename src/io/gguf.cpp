#include "io/gguf.hpp"

#include <algorithm>
#include <bit>
#include <unordered_set>
#include <utility>

#include "io/byte_reader.hpp"

namespace tessera::io {
namespace {

constexpr std::uint64_t kMostDims = 4;  // GGML_MAX_DIMS
constexpr int kDeepestArray = 4;        // nested arrays are legal and never seen
constexpr std::uint64_t kMostValues = std::uint64_t{1} << 48;

std::string_view read_text(ByteReader& in, std::string_view what) {
  return in.take_text(in.read<std::uint64_t>(what), what);
}

/// Bytes of one value of a fixed size; 0 for strings, arrays and unknown types.
std::size_t value_bytes(GgufValueType type) {
  switch (type) {
    case GgufValueType::U8:
    case GgufValueType::I8:
    case GgufValueType::Bool:
      return 1;
    case GgufValueType::U16:
    case GgufValueType::I16:
      return 2;
    case GgufValueType::U32:
    case GgufValueType::I32:
    case GgufValueType::F32:
      return 4;
    case GgufValueType::U64:
    case GgufValueType::I64:
    case GgufValueType::F64:
      return 8;
    case GgufValueType::String:
    case GgufValueType::Array:
      return 0;
  }
  return 0;
}

class Parser {
 public:
  Parser(std::span<const std::byte> bytes, const std::string& file)
      : bytes_(bytes), file_(file), in_(bytes, file_) {}

  void header() {
    const auto magic = in_.take_text(std::min<std::size_t>(4, bytes_.size()), "magic");
    if (magic != "GGUF")
      fail_user("{} is not a GGUF file: it begins with '{}': check the path", file_, printable(magic));
    const auto version = in_.read<std::uint32_t>("version");
    if (version != 2 && version != 3) {
      fail_user("{} cannot be read: GGUF version {}: convert it to version 3, little-endian", file_, version);
    }
    tensor_count_ = count("number of tensors", 8 + 4 + 8 + 4 + 8);
    metadata_count_ = count("number of metadata entries", 8 + 4 + 1);
  }

  std::map<std::string_view, GgufValue> metadata() {
    std::map<std::string_view, GgufValue> table;
    for (std::uint64_t i = 0; i < metadata_count_; ++i) {
      const auto key = read_text(in_, "a metadata key");
      if (!table.emplace(key, value(read_type(key), key)).second) {
        fail_user("{} is damaged: metadata key '{}' stands twice: get the file again", file_, printable(key));
      }
    }
    return table;
  }

  std::vector<GgufTensor> tensors(std::uint64_t alignment) {
    std::vector<GgufTensor> table;
    std::vector<std::uint64_t> offsets;
    std::unordered_set<std::string_view> names;
    table.reserve(static_cast<std::size_t>(tensor_count_));  // checked against the file's size
    for (std::uint64_t i = 0; i < tensor_count_; ++i) {
      table.push_back(tensor_info());
      offsets.push_back(in_.read<std::uint64_t>("a tensor's offset"));
      const auto& name = table.back().name;
      if (!names.insert(name).second) bad(name, "stands twice");
      if (offsets.back() % alignment != 0)
        bad(name, fmt::format("its offset {} is not a multiple of {}", offsets.back(), alignment));
    }
    place(table, offsets, alignment);
    return table;
  }

 private:
  /// A count of items of at least `least` bytes each, so that nothing is allocated for more than the file
  /// holds.
  std::uint64_t count(std::string_view what, std::uint64_t least) {
    const auto n = in_.read<std::uint64_t>(what);
    if (n > in_.remaining() / least) {
      fail_user("{} is damaged: {} is {} and {} bytes are left: get the file again", file_, what, n,
                in_.remaining());
    }
    return n;
  }

  GgufValueType read_type(std::string_view key) {
    const auto type = in_.read<std::uint32_t>("a metadata type");
    if (type > static_cast<std::uint32_t>(GgufValueType::F64)) {
      fail_user("{} is damaged: metadata '{}' has type {}: types are 0 to 12", file_, printable(key), type);
    }
    return static_cast<GgufValueType>(type);
  }

  GgufValue value(GgufValueType type, std::string_view key) {
    switch (type) {
      case GgufValueType::U8:
        return std::uint64_t{in_.read<std::uint8_t>(key)};
      case GgufValueType::I8:
        return std::int64_t{in_.read<std::int8_t>(key)};
      case GgufValueType::U16:
        return std::uint64_t{in_.read<std::uint16_t>(key)};
      case GgufValueType::I16:
        return std::int64_t{in_.read<std::int16_t>(key)};
      case GgufValueType::U32:
        return std::uint64_t{in_.read<std::uint32_t>(key)};
      case GgufValueType::I32:
        return std::int64_t{in_.read<std::int32_t>(key)};
      case GgufValueType::F32:
        return double{in_.read<float>(key)};
      case GgufValueType::Bool:
        return in_.read<std::uint8_t>(key) != 0;
      case GgufValueType::String:
        return read_text(in_, "a metadata text");
      case GgufValueType::Array:
        return array(key, 0);
      case GgufValueType::U64:
        return in_.read<std::uint64_t>(key);
      case GgufValueType::I64:
        return in_.read<std::int64_t>(key);
      case GgufValueType::F64:
        return in_.read<double>(key);
    }
    return false;  // read_type() let only known types through
  }

  GgufArray array(std::string_view key, int depth) {
    if (depth == kDeepestArray)
      fail_user("{} is damaged: metadata '{}' nests arrays too deep", file_, printable(key));
    GgufArray result;
    result.type = read_type(key);
    const std::size_t fixed = value_bytes(result.type);
    result.count = count("the length of a metadata array", fixed != 0 ? fixed : 8);
    const std::size_t begin = in_.position();
    if (fixed != 0) in_.take(result.count * fixed, key);
    for (std::uint64_t i = 0; fixed == 0 && i < result.count; ++i) {
      if (result.type == GgufValueType::String) {
        read_text(in_, "a metadata text");
      } else {
        array(key, depth + 1);
      }
    }
    result.bytes = bytes_.subspan(begin, in_.position() - begin);
    return result;
  }

  GgufTensor tensor_info() {
    GgufTensor tensor;
    tensor.name = read_text(in_, "a tensor's name");
    const auto dims = in_.read<std::uint32_t>("a tensor's number of dimensions");
    if (dims < 1 || dims > kMostDims) bad(tensor.name, fmt::format("it has {} dimensions", dims));
    tensor.values = 1;
    for (std::uint32_t d = 0; d < dims; ++d) {
      const auto size = in_.read<std::uint64_t>("a tensor's shape");
      tensor.dims.push_back(size);
      if (size == 0 || size > kMostValues / tensor.values) {
        bad(tensor.name, fmt::format("its shape [{}] is absurd", fmt::join(tensor.dims, ", ")));
      }
      tensor.values *= size;
    }
    const auto type = in_.read<std::uint32_t>("a tensor's type");
    const GgmlTypeInfo* info = find_ggml_type(type);
    if (info == nullptr) {
      fail_user(
          "{} cannot be read: tensor '{}' has type {} ({}): use a file in F32, F16, BF16, Q4_0 to Q8_0 or "
          "Q2_K to Q6_K",
          file_, printable(tensor.name), type, foreign_ggml_type_name(type));
    }
    if (tensor.dims[0] % info->block_values != 0) {
      bad(tensor.name, fmt::format("its rows of {} values are not whole {} blocks of {}", tensor.dims[0],
                                   info->name, info->block_values));
    }
    tensor.type = info->type;
    return tensor;
  }

  /// Finds each tensor's bytes: inside the file and in nobody else's place.
  void place(std::vector<GgufTensor>& table, const std::vector<std::uint64_t>& offsets,
             std::uint64_t alignment) {
    const std::uint64_t data_begin = (in_.position() + alignment - 1) / alignment * alignment;
    const std::uint64_t data_bytes = data_begin > bytes_.size() ? 0 : bytes_.size() - data_begin;
    for (std::size_t i = 0; i < table.size(); ++i) {
      const GgmlTypeInfo& info = ggml_type_info(table[i].type);
      const std::uint64_t size = table[i].values / info.block_values * info.block_bytes;
      if (offsets[i] > data_bytes || size > data_bytes - offsets[i]) {
        fail_user(
            "{} is cut short: tensor '{}' has {} bytes at offset {} and the file has {} bytes of data: get "
            "the file again",
            file_, printable(table[i].name), size, offsets[i], data_bytes);
      }
      table[i].data =
          bytes_.subspan(static_cast<std::size_t>(data_begin + offsets[i]), static_cast<std::size_t>(size));
    }
    std::vector<std::size_t> order(table.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return offsets[a] < offsets[b]; });
    for (std::size_t i = 1; i < order.size(); ++i) {
      const GgufTensor& before = table[order[i - 1]];
      if (offsets[order[i - 1]] + before.data.size() > offsets[order[i]]) {
        bad(table[order[i]].name, fmt::format("it overlaps tensor '{}'", printable(before.name)));
      }
    }
  }

  [[noreturn]] void bad(std::string_view tensor, const std::string& reason) {
    fail_user("{} is damaged: tensor '{}': {}: get the file again", file_, printable(tensor), reason);
  }

  std::span<const std::byte> bytes_;
  const std::string& file_;
  ByteReader in_;
  std::uint64_t tensor_count_ = 0, metadata_count_ = 0;
};

[[noreturn]] void wrong_kind(const std::string& file, std::string_view key, std::string_view wanted) {
  fail_user("{} cannot be used: metadata '{}' is not {}: convert the model again", file, printable(key),
            wanted);
}

}  // namespace

Gguf Gguf::parse(std::span<const std::byte> bytes, std::string file) {
  Gguf gguf;
  gguf.file_ = std::move(file);
  Parser parser(bytes, gguf.file_);
  parser.header();
  gguf.metadata_ = parser.metadata();
  const std::int64_t alignment = gguf.integer("general.alignment").value_or(32);
  if (alignment < 1 || alignment > (1 << 24) || !std::has_single_bit(static_cast<std::uint64_t>(alignment))) {
    fail_user("{} is damaged: general.alignment is {}: it must be a power of two", gguf.file_, alignment);
  }
  gguf.tensors_ = parser.tensors(static_cast<std::uint64_t>(alignment));
  return gguf;
}

const GgufValue* Gguf::find(std::string_view key) const {
  const auto it = metadata_.find(key);
  return it == metadata_.end() ? nullptr : &it->second;
}

std::optional<std::int64_t> Gguf::integer(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* i = std::get_if<std::int64_t>(value)) return *i;
  const auto* u = std::get_if<std::uint64_t>(value);
  if (u == nullptr || *u > static_cast<std::uint64_t>(INT64_MAX)) wrong_kind(file_, key, "an integer");
  return static_cast<std::int64_t>(*u);
}

std::optional<double> Gguf::number(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* f = std::get_if<double>(value)) return *f;
  return static_cast<double>(*integer(key));
}

std::optional<bool> Gguf::boolean(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto* b = std::get_if<bool>(value);
  if (b == nullptr) wrong_kind(file_, key, "a boolean");
  return *b;
}

std::optional<std::string_view> Gguf::text(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto* s = std::get_if<std::string_view>(value);
  if (s == nullptr) wrong_kind(file_, key, "a text");
  return *s;
}

const GgufArray* Gguf::find_array(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return nullptr;
  const auto* a = std::get_if<GgufArray>(value);
  if (a == nullptr) wrong_kind(file_, key, "an array");
  return a;
}

std::optional<std::vector<std::string>> Gguf::texts(std::string_view key) const {
  const GgufArray* array = find_array(key);
  if (array == nullptr) return std::nullopt;
  if (array->type != GgufValueType::String) wrong_kind(file_, key, "an array of texts");
  std::vector<std::string> result;
  result.reserve(static_cast<std::size_t>(array->count));
  ByteReader in(array->bytes, file_);
  for (std::uint64_t i = 0; i < array->count; ++i) result.emplace_back(read_text(in, key));
  return result;
}

std::optional<std::vector<std::int32_t>> Gguf::integers(std::string_view key) const {
  const GgufArray* array = find_array(key);
  if (array == nullptr) return std::nullopt;
  if (array->type != GgufValueType::I32 && array->type != GgufValueType::U32)
    wrong_kind(file_, key, "an array of 32-bit integers");
  std::vector<std::int32_t> result;
  result.reserve(static_cast<std::size_t>(array->count));
  ByteReader in(array->bytes, file_);
  for (std::uint64_t i = 0; i < array->count; ++i) result.push_back(in.read<std::int32_t>(key));
  return result;
}

std::optional<std::vector<float>> Gguf::floats(std::string_view key) const {
  const GgufArray* array = find_array(key);
  if (array == nullptr) return std::nullopt;
  if (array->type != GgufValueType::F32) wrong_kind(file_, key, "an array of 32-bit floats");
  std::vector<float> result;
  result.reserve(static_cast<std::size_t>(array->count));
  ByteReader in(array->bytes, file_);
  for (std::uint64_t i = 0; i < array->count; ++i) result.push_back(in.read<float>(key));
  return result;
}

}  // namespace tessera::io
