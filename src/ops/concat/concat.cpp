#include "ops/concat/concat.hpp"

#include "ops/checks.hpp"
#include "ops/copy_run.hpp"
#include "ops/dispatch.hpp"
#include "ops/rows.hpp"
#include "util/parallel.hpp"

namespace tessera {
namespace {

struct Concat final : MovingOperation {
  int dim;

  explicit Concat(int d) : dim(d) {}
  std::string_view name() const override { return "concat"; }
  std::string attributes() const override { return fmt::format("dim={}", dim); }

  int axis(const Shape& shape) const { return dim < 0 ? dim + shape.rank() : dim; }

  void validate(Inputs in) const override {
    for (const Tensor& x : in) check_rows(name(), x);
    const Shape& first = in[0].logical_shape();
    check(axis(first) >= 0 && axis(first) < first.rank(), "[concat] dim {} of {}: give one of its dimensions",
          dim, to_string(in[0].spec()));
    for (const Tensor& x : in) {
      Shape shape = x.logical_shape();
      if (shape.rank() == first.rank()) shape[axis(first)] = first[axis(first)];
      check(
          shape == first && x.dtype() == in[0].dtype() && x.layout() == in[0].layout(),
          "[concat] {} and {} along dimension {}: one dtype, one layout and equal other dimensions expected",
          to_string(in[0].spec()), to_string(x.spec()), axis(first));
    }
  }

  std::vector<OutputSpec> output_specs(Inputs in) const override {
    Shape shape = in[0].logical_shape();
    const int d = axis(shape);
    shape[d] = 0;
    for (const Tensor& x : in) shape[d] += x.logical_shape()[d];
    return {like(in[0], shape, {})};
  }

  void run_ref(Inputs in, Outputs out) const override {
    const Shape& shape = out[0].logical_shape();
    const int d = axis(shape);
    std::int64_t outer = 1, inner = 1;
    for (int i = 0; i < d; ++i) outer *= shape[i];
    for (int i = d + 1; i < shape.rank(); ++i) inner *= shape[i];
    const std::int64_t whole = shape[d] * inner;
    std::int64_t at = 0;
    for (const Tensor& x : in) {
      const std::int64_t run = x.logical_shape()[d] * inner;
      const RunCopier copy(x, out[0]);
      parallel_for(outer, row_grain(run), [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) copy(i * run, i * whole + at, run);
      });
      at += run;
    }
  }
  void run_fast(Inputs in, Outputs out) const override { run_ref(in, out); }
};

}  // namespace

Tensor concat(std::span<const Tensor> tensors, int dim) {
  return dispatch(Concat(dim), {tensors.begin(), tensors.end()})[0];
}

}  // namespace tessera
