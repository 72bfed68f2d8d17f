#include "ops/typecast/typecast.hpp"

#include <cstring>

#include "ops/checks.hpp"
#include "ops/dispatch.hpp"
#include "ops/pack_row.hpp"
#include "ops/rows.hpp"
#include "ops/typecast/typecast_op.hpp"
#include "util/parallel.hpp"

namespace tessera {

std::string Typecast::attributes() const {
  return fmt::format("dtype={}", to_string(dtype));
}

void Typecast::validate(Inputs in) const {
  const TensorSpec& spec = in[0].spec();
  if (dtype == spec.dtype) return;
  check(!is_strips(in[0].form()) && spec.logical_shape.rank() >= 1,
        "[typecast] input {}: an activation (interleaved) expected", to_string(spec));
  check(!is_integer(dtype) && dtype != DataType::BFLOAT4_B,
        "[typecast] {} to {}: float32, bfloat16 or bfloat8_b expected", to_string(spec), to_string(dtype));
  check(!is_integer(spec.dtype) || dtype != DataType::BFLOAT8_B,
        "[typecast] {} to bfloat8_b: typecast to bfloat16 first", to_string(spec));
  check(dtype != DataType::BFLOAT8_B || spec.layout == Layout::TILE,
        "[typecast] {} to bfloat8_b: block-float exists in tiles only: to_layout(TILE) first",
        to_string(spec));
}

std::vector<OutputSpec> Typecast::output_specs(Inputs in) const {
  return {like(in[0], in[0].logical_shape(), {dtype, in[0].memory_config(), {}})};
}

std::vector<Tensor> Typecast::make_outputs(Inputs in) const {
  if (dtype == in[0].dtype()) return {in[0]};
  return Operation::make_outputs(in);
}

void Typecast::run_ref(Inputs in, Outputs out) const {
  if (out[0].shares_memory_with(in[0])) return;
  const Shape& shape = in[0].logical_shape();
  parallel_for(shape.rows(), row_grain(shape[-1]), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) pack_row(in[0], r, out[0], r);
  });
}

std::string ToLayout::attributes() const {
  return fmt::format("layout={}", to_string(layout));
}

void ToLayout::validate(Inputs in) const {
  check(!is_block_float(in[0].dtype()) || layout == Layout::TILE,
        "[to_layout] {} to row_major: block-float exists in tiles only: typecast to bfloat16 first",
        to_string(in[0].spec()));
}

std::vector<OutputSpec> ToLayout::output_specs(Inputs in) const {
  TensorSpec spec = in[0].spec();
  spec.layout = layout;
  return {{spec, in[0].memory_config()}};
}

std::vector<Tensor> ToLayout::make_outputs(Inputs in) const {
  if (layout == in[0].layout()) return {in[0]};
  return Operation::make_outputs(in);
}

void ToLayout::run_ref(Inputs in, Outputs out) const {
  const auto bytes = in[0].bytes();
  if (bytes.empty() || out[0].shares_memory_with(in[0])) return;
  std::memcpy(out[0].data<std::byte>(), bytes.data(), bytes.size());
}

Tensor typecast(const Tensor& x, DataType dtype) {
  return dispatch(Typecast(dtype), {x})[0];
}

Tensor to_layout(const Tensor& x, Layout layout) {
  return dispatch(ToLayout(layout), {x})[0];
}

}  // namespace tessera
