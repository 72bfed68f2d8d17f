#include "verify/compare_files.hpp"

#include <algorithm>
#include <fstream>

#include "io/refpt.hpp"
#include "tensor/npy.hpp"
#include "util/error.hpp"
#include "util/file.hpp"
#include "verify/compare_goldens.hpp"

namespace tessera::verify {
namespace {

enum class Kind { Npy, Golden, Refpt };

const char* to_string(Kind kind) {
  return kind == Kind::Npy ? "an .npy tensor" : kind == Kind::Golden ? "a golden file" : "a .refpt file";
}

// .npy begins with its magic, .refpt is a zip archive or an old pickle, golden files are safetensors: u64
// length of a JSON header, then "{".
Kind kind_of(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  const auto bytes = file->bytes();
  const std::string_view head(reinterpret_cast<const char*>(bytes.data()),
                              std::min<std::size_t>(bytes.size(), 9));
  if (head.starts_with("\x93NUMPY")) return Kind::Npy;
  if (head.starts_with("PK") || path.extension() == ".refpt") return Kind::Refpt;
  if (head.size() == 9 && head[8] == '{') return Kind::Golden;
  fail_user("cannot compare {}: not an .npy, golden or .refpt file: give one of these", path.string());
}

FileComparison compare_npy(const std::filesystem::path& a, const std::filesystem::path& b) {
  const HostTensor first = read_npy(a), second = read_npy(b);
  const Shape& shape = first.spec().logical_shape;
  check(shape == second.spec().logical_shape,
        "cannot compare {} and {}: shapes {} and {}: give tensors of one shape", a.string(), b.string(),
        tessera::to_string(shape), tessera::to_string(second.spec().logical_shape));
  const bool both_bf16 =
      first.spec().dtype == DataType::BFLOAT16 && second.spec().dtype == DataType::BFLOAT16;
  FileComparison result;
  result.tensors.push_back(compare_tensors("", shape.dims(), first.to_vector(), second.to_vector(),
                                           both_bf16 ? DataType::BFLOAT16 : DataType::FLOAT32));
  return result;
}

}  // namespace

TensorComparison compare_tensors(std::string name, std::span<const std::int64_t> shape,
                                 std::span<const float> a, std::span<const float> b, DataType dtype) {
  return {
      std::move(name), {shape.begin(), shape.end()}, metrics::compare(a, b), metrics::ulp_max(a, b, dtype)};
}

bool FileComparison::equal() const {
  return std::ranges::all_of(tensors, [](const auto& t) { return t.figures.equal; }) &&
         std::ranges::all_of(tokens, [](const auto& t) { return t.same == t.tokens; });
}

const TensorComparison* FileComparison::worst() const {
  const auto it = std::ranges::min_element(tensors, {}, [](const auto& t) { return t.figures.pcc; });
  return it == tensors.end() ? nullptr : &*it;
}

bool FileComparison::passes(double threshold) const {
  if (equal()) return true;
  return std::ranges::all_of(tensors, [&](const auto& t) { return metrics::passes(t.figures, threshold); }) &&
         std::ranges::all_of(tokens, [&](const TokenComparison& t) {
           if (t.in_top5 < 0) return t.unexplained == 0;
           return static_cast<double>(t.in_top5) >= threshold * static_cast<double>(t.tokens);
         });
}

FileComparison compare_files(const std::filesystem::path& a, const std::filesystem::path& b) {
  const Kind first = kind_of(a), second = kind_of(b);
  if (first == Kind::Npy && second == Kind::Npy) return compare_npy(a, b);
  if (first == Kind::Golden && second == Kind::Golden) {
    return compare_goldens(io::read_golden(a), io::read_golden(b));
  }
  if (first == Kind::Golden && second == Kind::Refpt) {
    return compare_golden_refpt(io::read_golden(a), io::read_refpt(b));
  }
  fail_user(
      "cannot compare {} and {}: {} and {}: give two tensors, two golden files, or a golden file and a "
      ".refpt",
      a.string(), b.string(), to_string(first), to_string(second));
}

}  // namespace tessera::verify
