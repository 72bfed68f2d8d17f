#include "ops/rotary_embedding/rotary_embedding.hpp"

#include "ops/checks.hpp"
#include "ops/dispatch.hpp"
#include "ops/rotary_embedding/rotary_embedding_op.hpp"

namespace tessera {

void RotaryEmbedding::validate(Inputs in) const {
  check_float_rows(name(), in[0]);
  check_rank(name(), "input", in[0], 4);
  check_output(name(), options);
  const Shape& shape = in[0].logical_shape();
  const std::int64_t head_dim = shape[3];
  check(shape[0] == 1 && head_dim % 2 == 0, "[{}] input {}: dimension 0 of 1 and an even head_dim expected",
        name(), to_string(in[0].spec()));
  const Shape expected = decode ? Shape{1, shape[1], 1, head_dim} : Shape{1, 1, shape[2], head_dim};
  for (const Tensor* table : {&in[1], &in[2]}) {
    check_float_rows(name(), *table);
    check(table->logical_shape() == expected, "[{}] cos or sin {} for input {} ({}): {} expected", name(),
          to_string(table->spec()), to_string(in[0].spec()), decode ? "decode" : "prefill",
          to_string(expected));
  }
  check(in[1].dtype() == in[2].dtype(), "[{}] cos {} and sin {}: one dtype expected", name(),
        to_string(in[1].spec()), to_string(in[2].spec()));
}

std::vector<OutputSpec> RotaryEmbedding::output_specs(Inputs in) const {
  return {same_as(in[0], options)};
}

namespace experimental {

Tensor rotary_embedding_llama(const Tensor& x, const Tensor& cos, const Tensor& sin, bool is_decode_mode,
                              const OpOptions& options) {
  return dispatch(RotaryEmbedding(true, is_decode_mode, options), {x, cos, sin})[0];
}

Tensor rotary_embedding(const Tensor& x, const Tensor& cos, const Tensor& sin, bool is_decode_mode,
                        const OpOptions& options) {
  return dispatch(RotaryEmbedding(false, is_decode_mode, options), {x, cos, sin})[0];
}

}  // namespace experimental
}  // namespace tessera
