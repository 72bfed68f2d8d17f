#include "ops/heads/heads.hpp"

#include "ops/checks.hpp"
#include "ops/dispatch.hpp"
#include "ops/heads/heads_op.hpp"

namespace tessera {

std::string CreateQkvHeads::attributes() const {
  return fmt::format("num_heads={} num_kv_heads={}{}", num_heads, num_kv_heads,
                     transpose_k ? " transpose_k=true" : "");
}

void CreateQkvHeads::validate(Inputs in) const {
  check_float_rows(name(), in[0]);
  check_rank(name(), "input", in[0], 4);
  check_output(name(), options);
  check(num_heads > 0 && num_kv_heads > 0, "[{}] num_heads {} and num_kv_heads {}: give values > 0", name(),
        num_heads, num_kv_heads);
  const Shape& shape = in[0].logical_shape();
  const int groups = num_heads + 2 * num_kv_heads;
  check(shape[0] == 1 && shape[1] == 1 && shape[3] % groups == 0,
        "[{}] input {} for {} + 2 * {} heads: [1, 1, rows, a multiple of {}] expected", name(),
        to_string(in[0].spec()), num_heads, num_kv_heads, groups);
}

std::vector<OutputSpec> CreateQkvHeads::output_specs(Inputs in) const {
  const Shape& shape = in[0].logical_shape();
  const std::int64_t rows = shape[2];
  const std::int64_t head_dim = shape[3] / (num_heads + 2 * num_kv_heads);
  const auto heads = [&](std::int64_t n) {
    return decode ? Shape{1, rows, n, head_dim} : Shape{1, n, rows, head_dim};
  };
  const Shape k = transpose_k ? Shape{1, num_kv_heads, head_dim, rows} : heads(num_kv_heads);
  return {like(in[0], heads(num_heads), options), like(in[0], k, options),
          like(in[0], heads(num_kv_heads), options)};
}

void ConcatHeads::validate(Inputs in) const {
  check_float_rows(name(), in[0]);
  check_rank(name(), "input", in[0], 4);
  check_output(name(), options);
  const Shape& shape = in[0].logical_shape();
  check(shape[0] == 1, "[{}] input {}: dimension 0 of 1 expected", name(), to_string(in[0].spec()));
  check(!decode || num_heads == shape[2], "[{}] num_heads {} for input {}: give {}", name(), num_heads,
        to_string(in[0].spec()), shape[2]);
}

std::vector<OutputSpec> ConcatHeads::output_specs(Inputs in) const {
  const Shape& shape = in[0].logical_shape();
  const std::int64_t heads = decode ? shape[2] : shape[1];
  const std::int64_t rows = decode ? shape[1] : shape[2];
  return {like(in[0], {1, 1, rows, heads * shape[3]}, options)};
}

namespace experimental {
namespace {

std::array<Tensor, 3> create_heads(const CreateQkvHeads& op, const Tensor& x) {
  std::vector<Tensor> qkv = dispatch(op, {x});
  return {std::move(qkv[0]), std::move(qkv[1]), std::move(qkv[2])};
}

}  // namespace

std::array<Tensor, 3> nlp_create_qkv_heads(const Tensor& x, int num_heads, int num_kv_heads, bool transpose_k,
                                           const OpOptions& options) {
  return create_heads(CreateQkvHeads(num_heads, num_kv_heads, false, transpose_k, options), x);
}

std::array<Tensor, 3> nlp_create_qkv_heads_decode(const Tensor& x, int num_heads, int num_kv_heads,
                                                  const OpOptions& options) {
  return create_heads(CreateQkvHeads(num_heads, num_kv_heads, true, false, options), x);
}

Tensor nlp_concat_heads(const Tensor& x, const OpOptions& options) {
  return dispatch(ConcatHeads(0, false, options), {x})[0];
}

Tensor nlp_concat_heads_decode(const Tensor& x, int num_heads, const OpOptions& options) {
  return dispatch(ConcatHeads(num_heads, true, options), {x})[0];
}

}  // namespace experimental
}  // namespace tessera
