#include "ops/permute/permute.hpp"

#include <fmt/ranges.h>

#include <array>
#include <numeric>
#include <utility>

#include "ops/checks.hpp"
#include "ops/copy_run.hpp"
#include "ops/dispatch.hpp"
#include "ops/rows.hpp"
#include "util/parallel.hpp"

namespace tessera {
namespace {

struct Permute final : MovingOperation {
  std::string_view op;  // "permute" or "transpose"
  std::vector<int> order;

  Permute(std::string_view op_name, std::vector<int> dims) : op(op_name), order(std::move(dims)) {}
  std::string_view name() const override { return op; }
  std::string attributes() const override { return fmt::format("order=[{}]", fmt::join(order, ", ")); }

  void validate(Inputs in) const override {
    check_rows(op, in[0]);
    const int rank = in[0].logical_shape().rank();
    unsigned seen = 0;
    for (const int dim : order) {
      if (dim >= 0 && dim < rank) seen |= 1u << dim;
    }
    check(static_cast<int>(order.size()) == rank && seen == (1u << rank) - 1,
          "[{}] order [{}] for {}: each of 0 to {} once expected", op, fmt::join(order, ", "),
          to_string(in[0].spec()), rank - 1);
  }

  std::vector<OutputSpec> output_specs(Inputs in) const override {
    Shape shape = in[0].logical_shape();
    for (int i = 0; i < shape.rank(); ++i)
      shape[i] = in[0].logical_shape()[order[static_cast<std::size_t>(i)]];
    return {like(in[0], shape, {})};
  }

  void run_ref(Inputs in, Outputs out) const override {
    const Shape& from = in[0].logical_shape();
    const Shape& to = out[0].logical_shape();
    const int rank = from.rank();
    // strides[i]: how far apart neighbours of output dimension i stand in the input.
    std::array<std::int64_t, Shape::kMaxRank> strides{};
    for (int i = 0; i < rank; ++i) {
      std::int64_t stride = 1;
      for (int d = order[static_cast<std::size_t>(i)] + 1; d < rank; ++d) stride *= from[d];
      strides[static_cast<std::size_t>(i)] = stride;
    }
    const std::int64_t n = to[-1];
    const std::int64_t step = strides[static_cast<std::size_t>(rank - 1)];
    const RunCopier copy(in[0], out[0]);
    parallel_for(to.rows(), row_grain(n), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) {
        std::int64_t rest = row, first = 0;
        for (int i = rank - 2; i >= 0; --i) {
          first += rest % to[i] * strides[static_cast<std::size_t>(i)];
          rest /= to[i];
        }
        if (step == 1) {
          copy(first, row * n, n);
        } else {
          copy.strided(first, step, row * n, 1, n);
        }
      }
    });
  }
  void run_fast(Inputs in, Outputs out) const override { run_ref(in, out); }
};

}  // namespace

Tensor permute(const Tensor& x, std::span<const int> order) {
  return dispatch(Permute("permute", {order.begin(), order.end()}), {x})[0];
}

Tensor transpose(const Tensor& x, int dim0, int dim1) {
  const int rank = x.is_allocated() ? x.logical_shape().rank() : 0;
  const int a = dim0 < 0 ? dim0 + rank : dim0, b = dim1 < 0 ? dim1 + rank : dim1;
  check(a >= 0 && a < rank && b >= 0 && b < rank,
        "[transpose] dimensions {} and {} of a tensor of rank {}: {}", dim0, dim1, rank,
        "choose two of its dimensions");
  std::vector<int> order(static_cast<std::size_t>(rank));
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[static_cast<std::size_t>(a)], order[static_cast<std::size_t>(b)]);
  return dispatch(Permute("transpose", std::move(order)), {x})[0];
}

}  // namespace tessera
