#include "ops/checks.hpp"

namespace tessera {

void check_float_rows(std::string_view op, const Tensor& x) {
  check(x.is_allocated(), "[{}] an input is not allocated: give a tensor on a device", op);
  check(x.dtype() == DataType::FLOAT32 || x.dtype() == DataType::BFLOAT16 ||
            x.device().engine() == Engine::Ref || x.device().engine() == Engine::Meta,
        "[{}] input {}: float32 or bfloat16 expected: typecast it first", op, to_string(x.spec()));
  check(!is_integer(x.dtype()) && !is_strips(x.form()) && x.logical_shape().rank() >= 1,
        "[{}] input {}: an activation (float, interleaved) expected", op, to_string(x.spec()));
}

void check_rows(std::string_view op, const Tensor& x) {
  const bool integers = x.is_allocated() && is_integer(x.dtype()) && x.logical_shape().rank() >= 1;
  if (!integers) check_float_rows(op, x);
}

void check_output(std::string_view op, const OpOptions& options) {
  const DataType dtype = options.dtype.value_or(DataType::BFLOAT16);
  check(dtype == DataType::FLOAT32 || dtype == DataType::BFLOAT16,
        "[{}] output dtype {}: float32 or bfloat16 expected: typecast the result", op, to_string(dtype));
  check(options.memory_config.value_or(MemoryConfig{}).memory_layout != TensorMemoryLayout::WIDTH_SHARDED,
        "[{}] output width-sharded: that placement is for weights: use another", op);
}

void check_integers(std::string_view op, std::string_view what, const Tensor& x) {
  check(x.is_allocated() && is_integer(x.dtype()), "[{}] {}: an int32 or uint32 tensor expected", op, what);
}

void check_vectors(std::string_view op, const Tensor& weight, const Tensor& bias, std::int64_t size) {
  for (const Tensor* vector : {&weight, &bias}) {
    if (!vector->is_allocated()) continue;
    check_float_rows(op, *vector);
    check(vector->logical_shape().volume() == size, "[{}] weight or bias {}: {} values expected", op,
          to_string(vector->spec()), size);
  }
  check(!weight.is_allocated() || !bias.is_allocated() || weight.dtype() == bias.dtype(),
        "[{}] weight {} and bias {}: one dtype expected", op, to_string(weight.spec()),
        to_string(bias.spec()));
}

void check_rank(std::string_view op, std::string_view what, const Tensor& x, int rank) {
  check(x.is_allocated() && x.logical_shape().rank() == rank, "[{}] {} {}: {} dimensions expected", op, what,
        x.is_allocated() ? to_string(x.spec()) : "(none)", rank);
}

void check_last_dim(std::string_view op, const Tensor& x, int dim) {
  const int last = x.logical_shape().rank() - 1;
  check((dim == -1 || dim == last) && x.logical_shape()[-1] > 0,
        "[{}] dim {} of {}: only the last dimension is supported, not empty: give -1", op, dim,
        to_string(x.spec()));
}

OutputSpec same_as(const Tensor& x, const OpOptions& options) {
  return like(x, x.logical_shape(), options);
}

OutputSpec like(const Tensor& x, const Shape& shape, const OpOptions& options) {
  TensorSpec spec = x.spec();
  spec.logical_shape = shape;
  spec.dtype = options.dtype.value_or(spec.dtype);
  return {spec, options.memory_config.value_or(MemoryConfig{})};
}

}  // namespace tessera
