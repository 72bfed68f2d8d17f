#include "ops/copy/copy.hpp"

#include "ops/checks.hpp"
#include "ops/copy_run.hpp"
#include "ops/dispatch.hpp"

namespace tessera {
namespace {

/// Inputs: from, to.
struct Copy final : MovingOperation {
  std::string_view name() const override { return "copy"; }

  void validate(Inputs in) const override {
    const bool integers = is_integer(in[0].dtype());
    for (const Tensor& tensor : in) {
      check(is_integer(tensor.dtype()) == integers,
            "[copy] {} to {}: both must hold integers or both floats: typecast first",
            to_string(in[0].spec()), to_string(in[1].spec()));
      if (!integers) check_float_rows(name(), tensor);
    }
    check(in[0].logical_shape().volume() == in[1].logical_shape().volume(),
          "[copy] {} to {}: the volumes differ", to_string(in[0].spec()), to_string(in[1].spec()));
  }
  std::vector<OutputSpec> output_specs(Inputs in) const override {
    return {{in[1].spec(), in[1].memory_config()}};
  }
  std::vector<Tensor> make_outputs(Inputs in) const override { return {in[1]}; }
  int in_place_input() const override { return 1; }

  void run_ref(Inputs in, Outputs) const override {
    RunCopier(in[0], in[1])(0, 0, in[0].logical_shape().volume());
  }
  void run_fast(Inputs in, Outputs out) const override { run_ref(in, out); }
};

}  // namespace

Tensor copy(const Tensor& from, Tensor to) {
  return dispatch(Copy(), {from, std::move(to)})[0];
}

}  // namespace tessera
