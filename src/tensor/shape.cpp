#include "tensor/shape.hpp"

#include <fmt/ranges.h>

#include <algorithm>

#include "util/error.hpp"

namespace tessera {

Shape::Shape(std::initializer_list<std::int64_t> dims) : Shape(std::span(dims.begin(), dims.size())) {}

Shape::Shape(std::span<const std::int64_t> dims) {
  check(dims.size() <= kMaxRank, "shape: {} dimensions: at most {} are supported", dims.size(), kMaxRank);
  std::int64_t volume = 1;
  for (const auto dim : dims) {
    check(dim >= 0 && (dim == 0 || volume <= INT64_MAX / dim), "shape: {}: dimensions must be >= 0 and fit",
          fmt::join(dims, " x "));
    volume *= std::max<std::int64_t>(dim, 1);
  }
  std::ranges::copy(dims, dims_.begin());
  rank_ = static_cast<int>(dims.size());
}

std::int64_t Shape::volume() const {
  std::int64_t n = 1;
  for (const auto dim : dims()) n *= dim;
  return n;
}

std::int64_t Shape::rows() const {
  std::int64_t n = 1;
  for (int i = 0; i + 1 < rank_; ++i) n *= dims_[static_cast<std::size_t>(i)];
  return n;
}

std::string to_string(const Shape& shape) {
  return fmt::format("[{}]", fmt::join(shape.dims(), ", "));
}

}  // namespace tessera
