#include "tessera-vectors/vector_folder.hpp"

#include <array>
#include <utility>

#include "io/json.hpp"
#include "util/error.hpp"

namespace tessera::vectors {
namespace {

template <class Value>
using Words = std::initializer_list<std::pair<std::string_view, Value>>;

template <class Value>
std::optional<Value> look_up(std::string_view word, Words<Value> words) {
  for (const auto& [name, value] : words) {
    if (name == word) return value;
  }
  return std::nullopt;
}

}  // namespace

std::optional<DataType> parse_format(std::string_view word) {
  return look_up<DataType>(word, {{"bf16", DataType::BFLOAT16},
                                  {"bfp8_b", DataType::BFLOAT8_B},
                                  {"bfp4_b", DataType::BFLOAT4_B},
                                  {"fp32", DataType::FLOAT32}});
}

VectorFolder::VectorFolder(const std::filesystem::path& folder)
    : data_(MappedFile::open(folder / "vectors.bin")), file_((folder / "index.json").string()) {
  const auto text = MappedFile::open(file_);
  index_ = io::parse_json_object({reinterpret_cast<const char*>(text->bytes().data()), text->bytes().size()},
                                 file_);
}

VectorCase::VectorCase(const VectorFolder& folder, std::string list, std::size_t number)
    : folder_(folder), list_(std::move(list)), number_(number), fields_(folder.index().at(list_).at(number)) {
  check(fields_.is_object(), "{}: {}: not an object: write one object a case", folder_.file(), name());
}

std::string VectorCase::name() const {
  return fmt::format("{}[{}]", list_, number_);
}

std::string VectorCase::describe() const {
  std::string text = name();
  for (const auto& [key, value] : fields_.items()) {
    if (value.is_string()) text += fmt::format(" {}", value.get<std::string>());
    if (value.is_boolean() && value.get<bool>()) text += fmt::format(" {}", key);
  }
  return text;
}

const nlohmann::json* VectorCase::find(std::string_view key) const {
  const auto found = fields_.find(key);
  return found == fields_.end() || found->is_null() ? nullptr : &*found;
}

void VectorCase::wrong(std::string_view key, std::string_view wanted) const {
  const nlohmann::json* value = find(key);
  fail_user("{}: {} {}: {}: give {}", folder_.file(), name(), key,
            value == nullptr ? "missing" : value->dump(), wanted);
}

std::string VectorCase::text(std::string_view key) const {
  const nlohmann::json* value = find(key);
  if (value == nullptr || !value->is_string()) wrong(key, "a text");
  return value->get<std::string>();
}

bool VectorCase::flag(std::string_view key) const {
  const nlohmann::json* value = find(key);
  if (value == nullptr) return false;
  if (!value->is_boolean()) wrong(key, "true or false");
  return value->get<bool>();
}

int VectorCase::integer(std::string_view key) const {
  const nlohmann::json* value = find(key);
  if (value == nullptr || !value->is_number_unsigned() || value->get<std::uint64_t>() > 4096) {
    wrong(key, "a number up to 4096");
  }
  return value->get<int>();
}

DataType VectorCase::dtype(std::string_view key) const {
  const auto format = parse_format(text(key));
  if (!format) wrong(key, "bf16, bfp8_b, bfp4_b or fp32");
  return *format;
}

MathFidelity VectorCase::fidelity() const {
  const auto found = look_up<MathFidelity>(text("fidelity"), {{"LoFi", MathFidelity::LoFi},
                                                              {"HiFi2", MathFidelity::HiFi2},
                                                              {"HiFi3", MathFidelity::HiFi3},
                                                              {"HiFi4", MathFidelity::HiFi4}});
  if (!found) wrong("fidelity", "LoFi, HiFi2, HiFi3 or HiFi4");
  return *found;
}

wormhole::DestFormat VectorCase::dest() const {
  using wormhole::DestFormat;
  const auto found = look_up<DestFormat>(
      text("dest"), {{"bf16", DestFormat::Bf16}, {"fp32", DestFormat::Fp32}, {"fp16", DestFormat::Fp16}});
  if (!found) wrong("dest", "bf16, fp32 or fp16");
  return *found;
}

std::optional<Bytes> VectorCase::buffer(std::string_view key, std::size_t bytes) const {
  const nlohmann::json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_array() || value->size() != 2 || !(*value)[0].is_number_unsigned() ||
      !(*value)[1].is_number_unsigned()) {
    wrong(key, "[offset, bytes]");
  }
  const auto offset = (*value)[0].get<std::uint64_t>(), size = (*value)[1].get<std::uint64_t>();
  const std::size_t all = folder_.data().size();
  check(offset <= all && size <= all - offset, "{}: {} {}: [{}, {}]: vectors.bin has {} bytes",
        folder_.file(), name(), key, offset, size, all);
  check(size == bytes, "{}: {} {}: {} bytes: {} expected", folder_.file(), name(), key, size, bytes);
  return folder_.data().subspan(offset, size);
}

Bytes VectorCase::required(std::string_view key, std::size_t bytes) const {
  const auto found = buffer(key, bytes);
  if (!found) wrong(key, "[offset, bytes]");
  return *found;
}

}  // namespace tessera::vectors
