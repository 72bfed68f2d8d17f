#include "ops/embedding/embedding.hpp"

#include "ops/checks.hpp"
#include "ops/dispatch.hpp"
#include "ops/embedding/embedding_op.hpp"

namespace tessera {

void Embedding::validate(Inputs in) const {
  check_integers(name(), "ids", in[0]);
  check_float_rows(name(), in[1]);
  check_output(name(), options);
  const Shape& shape = in[1].logical_shape();
  check(shape.rank() >= 2 && shape.volume() == shape[-1] * shape[-2],
        "[embedding] weight {}: one matrix [vocab, dim] expected", to_string(in[1].spec()));
}

std::vector<OutputSpec> Embedding::output_specs(Inputs in) const {
  OutputSpec output = like(in[1], {1, 1, in[0].logical_shape().volume(), in[1].logical_shape()[-1]}, options);
  output.spec.layout = Layout::TILE;
  return {output};
}

Tensor embedding(const Tensor& ids, const Tensor& weight, const OpOptions& options,
                 std::optional<std::int32_t> pad_token) {
  return dispatch(Embedding(options, pad_token), {ids, weight})[0];
}

}  // namespace tessera
