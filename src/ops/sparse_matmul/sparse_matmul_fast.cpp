// The pairs of a matrix lie one behind the other, so that it is read once for all of them, by linear's
// kernels. Work is shared out by (matrix, strip): a decode step has few rows and several matrices. Highway
// leaves this target out unless asked: see linear_fast.cpp.
#define HWY_WANT_AVX3_DL
#include <algorithm>
#include <vector>

#include "ops/linear/linear_rows.hpp"
#include "ops/rows.hpp"
#include "ops/sparse_matmul/sparse_matmul_op.hpp"
#include "util/parallel.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/sparse_matmul/sparse_matmul_fast.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "ops/linear/linear_strip-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tessera {
namespace HWY_NAMESPACE {

// One strip for `m` prepared rows, which are the output's rows `pairs`.
void picked_strip(const Tensor& matrix, std::int64_t s, const PreparedRows& x, std::int64_t m,
                  const std::int64_t* pairs, Tensor& y) {
  const std::int64_t n = matrix.logical_shape()[1], first = s * kStrip;
  const auto cols = static_cast<std::size_t>(std::min(kStrip, n - first));
  float* sums = strip_sums(m);
  linear_strip(matrix, s, x, m, sums);
  with_rows(y, [&](auto* out) {
    for (std::int64_t i = 0; i < m; ++i) {
      for_lanes(cols, [&](auto d, std::size_t c) {
        store_f32(hn::LoadU(d, sums + i * kStrip + c), d, out + pairs[i] * n + first + c);
      });
    }
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace tessera
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tessera {
HWY_EXPORT(picked_strip);

namespace {

// The pairs in the order of their matrices, and where those of a matrix begin.
struct Groups {
  std::vector<std::int64_t> pairs;  // [pairs]
  std::vector<std::int64_t> begin;  // [matrices + 1]

  Groups(const PickedRows& rows, std::size_t matrices)
      : pairs(static_cast<std::size_t>(rows.pairs)), begin(matrices + 1) {
    for (std::int64_t p = 0; p < rows.pairs; ++p) ++begin[static_cast<std::size_t>(rows.picks[p]) + 1];
    for (std::size_t e = 1; e <= matrices; ++e) begin[e] += begin[e - 1];
    std::vector<std::int64_t> next = begin;
    for (std::int64_t p = 0; p < rows.pairs; ++p)
      pairs[static_cast<std::size_t>(next[static_cast<std::size_t>(rows.picks[p])]++)] = p;
  }
};

// Rows `of` of a prepared x, in this order.
class Gathered {
 public:
  Gathered(const PreparedRows& x, const PickedRows& rows, const std::vector<std::int64_t>& pairs)
      : inner_(rows.inner) {
    fixed_.blocks = x.fixed.blocks;
    fixed_.rows = static_cast<std::int64_t>(pairs.size());
    const auto panel_rows = static_cast<std::size_t>(fixed_.panels() * fixed_.rows);
    if (x.values != nullptr) values_.resize(pairs.size() * static_cast<std::size_t>(inner_));
    codes_.resize(panel_rows * FixedRows::kRowCodes);
    scales_.resize(panel_rows * kPanelBlocks);
    for (std::int64_t to = 0; to < fixed_.rows; ++to) {
      const std::int64_t from = rows.input_row(pairs[static_cast<std::size_t>(to)]);
      if (x.values != nullptr) std::copy_n(x.values + from * inner_, inner_, values_.data() + to * inner_);
      for (std::int64_t block = 0; block < fixed_.blocks; block += kPanelBlocks) {
        std::copy_n(x.fixed.codes_at(from, block), FixedRows::kRowCodes,
                    codes_.data() + fixed_.at(to, block) * kBlockRows);
        std::copy_n(x.fixed.scales + x.fixed.at(from, block), kPanelBlocks,
                    scales_.data() + fixed_.at(to, block));
      }
    }
    fixed_.codes = codes_.data();
    fixed_.scales = scales_.data();
  }
  Gathered(const Gathered&) = delete;
  Gathered& operator=(const Gathered&) = delete;

  PreparedRows from(std::int64_t row) const {
    if (fixed_.blocks == 0) return {values_.data() + row * inner_, {}};
    return {nullptr, fixed_.from(row)};
  }

 private:
  std::int64_t inner_;
  std::vector<float> values_, scales_;
  std::vector<std::int16_t> codes_;
  FixedRows fixed_;  // in the two above
};

}  // namespace

void SparseMatmul::run_fast(Inputs in, Outputs out) const {
  const PickedRows rows = picked_rows(in);
  const Inputs matrices = in.subspan(2);
  const Groups groups(rows, matrices.size());
  const Gathered gathered(prepare_rows(in[0], in[2].dtype()), rows, groups.pairs);
  std::vector<std::size_t> used;
  for (std::size_t e = 0; e < matrices.size(); ++e) {
    if (groups.begin[e] < groups.begin[e + 1]) used.push_back(e);
  }
  const std::int64_t strips = (rows.cols + kStrip - 1) / kStrip;
  parallel_for(static_cast<std::int64_t>(used.size()) * strips, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t task = begin; task < end; ++task) {
      const std::size_t e = used[static_cast<std::size_t>(task / strips)];
      const std::int64_t first = groups.begin[e];
      HWY_DYNAMIC_DISPATCH(picked_strip)
      (matrices[e], task % strips, gathered.from(first), groups.begin[e + 1] - first,
       groups.pairs.data() + first, out[0]);
    }
  });
}

}  // namespace tessera
#endif
