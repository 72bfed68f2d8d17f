#include "ops/topk/topk.hpp"

#include "ops/checks.hpp"
#include "ops/dispatch.hpp"
#include "ops/topk/topk_op.hpp"

namespace tessera {

std::string Topk::attributes() const {
  return fmt::format("k={}", k);
}

void Topk::validate(Inputs in) const {
  check_float_rows(name(), in[0]);
  check(k >= 1 && k <= in[0].logical_shape()[-1], "[topk] k {} of {}: give 1 to {}", k,
        to_string(in[0].spec()), in[0].logical_shape()[-1]);
}

std::vector<OutputSpec> Topk::output_specs(Inputs in) const {
  Shape shape = in[0].logical_shape();
  shape[-1] = k;
  OutputSpec values = like(in[0], shape, {});
  OutputSpec indices = values;
  indices.spec.dtype = DataType::UINT32;
  return {values, indices};
}

std::array<Tensor, 2> topk(const Tensor& x, int k) {
  std::vector<Tensor> outputs = dispatch(Topk(k), {x});
  return {std::move(outputs[0]), std::move(outputs[1])};
}

}  // namespace tessera
