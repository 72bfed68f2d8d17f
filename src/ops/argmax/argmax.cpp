#include "ops/argmax/argmax.hpp"

#include "ops/argmax/argmax_op.hpp"
#include "ops/checks.hpp"
#include "ops/dispatch.hpp"

namespace tessera {

void Argmax::validate(Inputs in) const {
  check_float_rows(name(), in[0]);
  check_last_dim(name(), in[0], dim);
}

std::vector<OutputSpec> Argmax::output_specs(Inputs in) const {
  const auto dims = in[0].logical_shape().dims();
  const Shape shape = dims.size() == 1 ? Shape{1} : Shape(dims.first(dims.size() - 1));
  return {{TensorSpec{shape, DataType::UINT32, Layout::ROW_MAJOR}, {}}};
}

Tensor argmax(const Tensor& x, int dim) {
  return dispatch(Argmax(dim), {x})[0];
}

}  // namespace tessera
