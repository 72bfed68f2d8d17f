#include "ops/plus_one/plus_one.hpp"

#include "ops/checks.hpp"
#include "ops/dispatch.hpp"

namespace tessera {
namespace {

struct PlusOne final : MovingOperation {
  std::string_view name() const override { return "plus_one"; }

  void validate(Inputs in) const override {
    check_integers(name(), "input", in[0]);
    check(in[0].dtype() == DataType::INT32, "[plus_one] input {}: int32 expected", to_string(in[0].spec()));
  }
  std::vector<OutputSpec> output_specs(Inputs in) const override {
    return {{in[0].spec(), in[0].memory_config()}};
  }
  std::vector<Tensor> make_outputs(Inputs in) const override { return {in[0]}; }
  int in_place_input() const override { return 0; }

  void run_ref(Inputs in, Outputs out) const override {
    std::int32_t* x = out[0].data<std::int32_t>();
    for (std::int64_t i = 0; i < in[0].logical_shape().volume(); ++i) {
      if (x[i] >= 0) ++x[i];
    }
  }
  void run_fast(Inputs in, Outputs out) const override { run_ref(in, out); }
};

}  // namespace

Tensor plus_one(Tensor x) {
  return dispatch(PlusOne(), {std::move(x)})[0];
}

}  // namespace tessera
