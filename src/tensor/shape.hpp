#pragma once
#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace tessera {

/// Up to eight dimensions, outermost first. A value type without allocation.
class Shape {
 public:
  static constexpr int kMaxRank = 8;

  Shape() = default;
  Shape(std::initializer_list<std::int64_t> dims);
  explicit Shape(std::span<const std::int64_t> dims);

  int rank() const { return rank_; }
  /// Negative indices count from the end, as in TT-NN.
  std::int64_t operator[](int i) const { return dims_[index(i)]; }
  std::int64_t& operator[](int i) { return dims_[index(i)]; }
  std::int64_t volume() const;
  /// The product of all dimensions but the last: the number of rows.
  std::int64_t rows() const;
  std::span<const std::int64_t> dims() const { return {dims_.data(), static_cast<std::size_t>(rank_)}; }
  bool operator==(const Shape& other) const = default;

 private:
  std::size_t index(int i) const { return static_cast<std::size_t>(i < 0 ? i + rank_ : i); }

  std::array<std::int64_t, kMaxRank> dims_{};
  int rank_ = 0;
};

/// "[1, 1, 32, 576]".
std::string to_string(const Shape& shape);

}  // namespace tessera
