#include "tensor/npy.hpp"

#include <charconv>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/bfloat16.hpp"
#include "util/error.hpp"
#include "util/file.hpp"
#include "util/printable.hpp"

namespace tessera {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";

// The value text after 'key': in the header's dict literal.
std::string_view value_of(std::string_view header, std::string_view key) {
  const auto at = header.find(key);
  check(at != std::string_view::npos, "header has no {}: not a file that numpy wrote", key);
  std::string_view rest = header.substr(at + key.size());
  const auto begin = rest.find_first_not_of(": ");
  check(begin != std::string_view::npos, "header ends after {}: the file is damaged", key);
  return rest.substr(begin);
}

Shape parse_shape(std::string_view text) {
  check(text.starts_with('('), "shape is not a tuple: the file is damaged");
  const auto end = text.find(')');
  check(end != std::string_view::npos, "shape is not closed: the file is damaged");
  text = text.substr(1, end - 1);
  check(text.find_first_not_of("0123456789, ") == std::string_view::npos,
        "shape ({}): digits and commas expected: the file is damaged", printable(text));
  std::vector<std::int64_t> dims;
  for (auto digit = text.find_first_not_of(", "); digit != std::string_view::npos;
       digit = text.find_first_not_of(", ")) {
    text = text.substr(digit);
    std::int64_t dim = 0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), dim);
    check(result.ec == std::errc{}, "a dimension is too large: the file is damaged");
    dims.push_back(dim);
    text = text.substr(static_cast<std::size_t>(result.ptr - text.data()));
  }
  return Shape(dims);
}

template <class T>
std::vector<T> values_of(std::span<const std::byte> data, std::int64_t n) {
  check(n <= static_cast<std::int64_t>(data.size() / sizeof(T)),
        "{} values but {} bytes: the file is truncated", n, data.size());
  std::vector<T> values(static_cast<std::size_t>(n));
  if (n != 0) std::memcpy(values.data(), data.data(), values.size() * sizeof(T));
  return values;
}

HostTensor parse(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  check(text.size() >= 12 && text.starts_with(kMagic), "no NUMPY magic: not a .npy file");
  const int major = static_cast<unsigned char>(text[6]);
  check(major >= 1 && major <= 3, "version {}: versions 1 to 3 are known", major);
  const std::size_t length_bytes = major == 1 ? 2 : 4;
  std::size_t length = 0;
  for (std::size_t i = 0; i < length_bytes; ++i) {
    length |= static_cast<std::size_t>(static_cast<unsigned char>(text[8 + i])) << (8 * i);
  }
  const std::size_t start = 8 + length_bytes;
  check(length <= text.size() - start, "header of {} bytes in a file of {}: the file is truncated", length,
        text.size());
  const std::string_view header = text.substr(start, length);
  const auto data = bytes.subspan(start + length);

  check(value_of(header, "'fortran_order'").starts_with("False"),
        "Fortran order: save numpy.ascontiguousarray(x)");
  const Shape shape = parse_shape(value_of(header, "'shape'"));
  const std::string_view descr = value_of(header, "'descr'").substr(0, 5);
  const std::int64_t n = shape.volume();
  const auto spec = [&](DataType dtype) { return TensorSpec{shape, dtype, Layout::ROW_MAJOR}; };

  if (descr == "'<f4'") return HostTensor::from_vector(values_of<float>(data, n), spec(DataType::FLOAT32));
  if (descr == "'<i4'")
    return HostTensor::from_vector(values_of<std::int32_t>(data, n), spec(DataType::INT32));
  if (descr == "'<u4'")
    return HostTensor::from_vector(values_of<std::int32_t>(data, n), spec(DataType::UINT32));
  if (descr == "'<f8'") {
    const auto wide = values_of<double>(data, n);
    return HostTensor::from_vector(std::vector<float>(wide.begin(), wide.end()), spec(DataType::FLOAT32));
  }
  if (descr == "'<i8'") {
    const auto wide = values_of<std::int64_t>(data, n);
    for (const auto v : wide) check(v == static_cast<std::int32_t>(v), "{} does not fit int32", v);
    return HostTensor::from_vector(std::vector<std::int32_t>(wide.begin(), wide.end()),
                                   spec(DataType::INT32));
  }
  if (descr == "'<u2'" || descr == "'|V2'" || descr == "'<V2'") {
    std::vector<float> values;
    for (const bf16 half : values_of<bf16>(data, n)) values.push_back(bf16_to_float(half));
    return HostTensor::from_vector(values, spec(DataType::BFLOAT16));
  }
  fail_user("element type {}: save as float32, float64, int32, int64, uint32 or bfloat16 bits",
            printable(descr));
}

}  // namespace

HostTensor parse_npy(std::span<const std::byte> bytes, std::string_view file) {
  try {
    return parse(bytes);
  } catch (const UserError& error) {
    fail_user("{}: {}", file, error.what());
  }
}

HostTensor read_npy(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  return parse_npy(file->bytes(), path.string());
}

void write_npy(const std::filesystem::path& path, const HostTensor& tensor) {
  const bool integer = is_integer(tensor.spec().dtype);
  std::string shape;
  for (const auto dim : tensor.spec().logical_shape.dims()) shape += fmt::format("{},", dim);
  const std::string_view descr = !integer ? "<f4" : tensor.spec().dtype == DataType::INT32 ? "<i4" : "<u4";
  std::string header =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", descr, shape);
  // The data begins at a multiple of 64 bytes, as numpy writes it.
  header.resize((header.size() + 10 + 1 + 63) / 64 * 64 - 10 - 1, ' ');
  header += '\n';
  std::string head(kMagic);
  head += '\x01';
  head += '\0';
  head += static_cast<char>(header.size() & 0xFF);
  head += static_cast<char>(header.size() >> 8);

  AtomicFile file(path);
  file.write(head + header);
  if (integer) {
    const std::vector<std::int32_t> values = tensor.to_int_vector();
    file.write(std::as_bytes(std::span(values)));
  } else {
    const std::vector<float> values = tensor.to_vector();
    file.write(std::as_bytes(std::span(values)));
  }
  file.commit();
}

}  // namespace tessera
