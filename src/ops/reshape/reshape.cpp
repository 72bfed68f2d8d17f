#include "ops/reshape/reshape.hpp"

#include "ops/checks.hpp"
#include "ops/dispatch.hpp"

namespace tessera {
namespace {

struct Reshape final : MovingOperation {
  Shape shape;

  explicit Reshape(const Shape& to) : shape(to) {}
  std::string_view name() const override { return "reshape"; }
  std::string attributes() const override { return fmt::format("shape={}", to_string(shape)); }

  void validate(Inputs in) const override {
    check(shape.volume() == in[0].logical_shape().volume(), "[reshape] {} to {}: the volumes differ",
          to_string(in[0].spec()), to_string(shape));
    const Shape& from = in[0].logical_shape();
    const bool same_rows = shape.rank() >= 1 && from.rank() >= 1 && shape[-1] == from[-1];
    check(!is_strips(in[0].form()) && (!is_block_float(in[0].dtype()) || same_rows),
          "[reshape] {} to {}: this tensor cannot be viewed: typecast to bfloat16 first",
          to_string(in[0].spec()), to_string(shape));
  }

  std::vector<OutputSpec> output_specs(Inputs in) const override {
    return {like(in[0], shape, {{}, in[0].memory_config(), {}})};
  }
  std::vector<Tensor> make_outputs(Inputs in) const override { return {in[0].view(shape)}; }
  void run_ref(Inputs, Outputs) const override {}
  void run_fast(Inputs, Outputs) const override {}
};

}  // namespace

Tensor reshape(const Tensor& x, const Shape& shape) {
  return dispatch(Reshape(shape), {x})[0];
}

}  // namespace tessera
