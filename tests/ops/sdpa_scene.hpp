#pragma once
// One set of keys and values, laid out as each form of attention wants them: a sequence, a cache, pages.
#include <algorithm>
#include <limits>
#include <numeric>

#include "op_test_util.hpp"
#include "ops/kv_cache/kv_cache.hpp"
#include "ops/sdpa/sdpa.hpp"

namespace tessera::test {

struct SdpaSizes {
  std::int64_t users, heads, kv_heads, dim, positions;
};

/// Row-major values [users, kv_heads, positions, dim] of K and of V, and what surrounds them: whatever no
/// query may read is NaN.
class SdpaScene {
 public:
  SdpaScene(Maker& make, const SdpaSizes& sizes, DataType cache, bool heavy_tailed = false)
      : make_(make), s_(sizes), cache_(cache) {
    for (auto* values : {&keys_, &values_}) {
      values->resize(static_cast<std::size_t>(s_.users * s_.kv_heads * s_.positions * s_.dim));
      for (float& v : *values) v = heavy_tailed ? make.rng().heavy_tailed() : make.rng().normal();
    }
  }

  /// [users, kv_heads, positions, dim] with positions after last[u], and before `first`, poisoned.
  Tensor cache(bool value, const std::vector<std::int32_t>& last, std::int64_t first = 0) const {
    std::vector<float> rows = value ? values_ : keys_;
    for (std::int64_t u = 0; u < s_.users; ++u) {
      for (std::int64_t h = 0; h < s_.kv_heads; ++h) {
        const std::int64_t head = (u * s_.kv_heads + h) * s_.positions;
        const auto from = rows.begin() + (head + last[static_cast<std::size_t>(u)] + 1) * s_.dim;
        std::fill(from, rows.begin() + (head + s_.positions) * s_.dim, kNan);
        std::fill_n(rows.begin() + head * s_.dim, first * s_.dim, kNan);
      }
    }
    return tensor(rows, {s_.users, s_.kv_heads, s_.positions, s_.dim});
  }

  /// Pages of `block` positions, handed out in an order that mixes the users; pages that no user needs, and
  /// rows after last[u] and before `first`, are poisoned.
  struct Pages {
    Tensor k, v, table;
  };
  Pages pages(std::int64_t block, const std::vector<std::int32_t>& last, std::int64_t first = 0) const {
    const std::int64_t each = (s_.positions + block - 1) / block;
    const std::int64_t count = s_.users * each + 3;
    std::vector<std::int32_t> order(static_cast<std::size_t>(count)), table;
    std::iota(order.begin(), order.end(), 0);
    Rng rng(11);
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[rng.below(i)]);
    std::vector<float> k(static_cast<std::size_t>(count * s_.kv_heads * block * s_.dim), kNan), v = k;
    for (std::int64_t u = 0; u < s_.users; ++u) {
      for (std::int64_t p = 0; p < each; ++p) {
        const std::int32_t page = order[static_cast<std::size_t>(u * each + p)];
        const bool used = p * block <= last[static_cast<std::size_t>(u)] && (p + 1) * block > first;
        table.push_back(used ? page : -1);
        for (std::int64_t at = std::max(p * block, first);
             at <= last[static_cast<std::size_t>(u)] && at < (p + 1) * block; ++at) {
          for (std::int64_t h = 0; h < s_.kv_heads; ++h) {
            const std::int64_t from = ((u * s_.kv_heads + h) * s_.positions + at) * s_.dim;
            const std::int64_t to = ((page * s_.kv_heads + h) * block + at % block) * s_.dim;
            std::copy_n(keys_.begin() + from, s_.dim, k.begin() + to);
            std::copy_n(values_.begin() + from, s_.dim, v.begin() + to);
          }
        }
      }
    }
    const Shape shape{count, s_.kv_heads, block, s_.dim};
    return {tensor(k, shape), tensor(v, shape), make_.ints(table, {s_.users, each})};
  }

  /// The first user's first `n` positions: [1, kv_heads, n, dim].
  Tensor sequence(bool value, std::int64_t n) const {
    std::vector<float> rows;
    for (std::int64_t h = 0; h < s_.kv_heads; ++h) {
      const auto from = (value ? values_ : keys_).begin() + h * s_.positions * s_.dim;
      rows.insert(rows.end(), from, from + n * s_.dim);
    }
    return tensor(rows, {1, s_.kv_heads, n, s_.dim});
  }

  const std::vector<float>& keys() const { return keys_; }
  const std::vector<float>& values() const { return values_; }
  static constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

 private:
  Tensor tensor(const std::vector<float>& rows, const Shape& shape) const {
    return to_device(make_.device(), rows, {shape, cache_, Layout::TILE});
  }

  Maker& make_;
  SdpaSizes s_;
  DataType cache_;
  std::vector<float> keys_, values_;
};

/// Rows [first, first + n) of every head of q [1, heads, seq, dim].
inline Tensor query_rows(Maker& make, const Tensor& q, std::int64_t first, std::int64_t n) {
  const Shape& shape = q.logical_shape();
  const std::vector<float> all = q.to_vector();
  std::vector<float> rows;
  for (std::int64_t h = 0; h < shape[1]; ++h) {
    const auto from = all.begin() + (h * shape[2] + first) * shape[3];
    rows.insert(rows.end(), from, from + n * shape[3]);
  }
  return make.from(rows, {1, shape[1], n, shape[3]});
}

}  // namespace tessera::test
