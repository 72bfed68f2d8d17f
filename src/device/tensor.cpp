#include "device/tensor.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "tensor/bfloat16.hpp"
#include "tensor/block_float.hpp"
#include "util/error.hpp"

namespace tessera {
namespace {

// The ref engine keeps float32 whatever the dtype says; the values are those that the fast engine would hold:
// weights by the host rule, interleaved bfloat8_b (a KV cache) by the packer's.
void round_to_dtype(const TensorSpec& spec, const MemoryConfig& config, std::vector<float>& values) {
  if (spec.dtype == DataType::BFLOAT16) {
    std::ranges::transform(values, values.begin(), round_to_bf16);
  } else if (is_block_float(spec.dtype)) {
    const bool packer =
        spec.dtype == DataType::BFLOAT8_B && config.memory_layout != TensorMemoryLayout::WIDTH_SHARDED;
    const auto cols = static_cast<std::size_t>(spec.logical_shape[-1]);
    std::vector<std::byte> packed(static_cast<std::size_t>(bfp8_row_bytes(spec.logical_shape[-1])));
    for (std::size_t r = 0; r * cols < values.size(); ++r) {
      const auto row = std::span(values).subspan(r * cols, cols);
      if (packer) {
        encode_bfp8_row(row, packed.data());
        decode_bfp8_row(packed.data(), row);
      } else {
        round_to_block_float(spec.dtype, row);
      }
    }
  }
}

void check_volume(std::size_t values, const TensorSpec& spec) {
  check(static_cast<std::int64_t>(values) == spec.logical_shape.volume(),
        "[to_device] {} values for {}: give {}", values, to_string(spec), spec.logical_shape.volume());
}

}  // namespace

Form choose_form(Engine engine, const TensorSpec& spec, const MemoryConfig& config) {
  check(!is_block_float(spec.dtype) || spec.logical_shape.rank() >= 1,
        "[to_device] {}: block-float shares exponents along a row: give at least one dimension",
        to_string(spec));
  if (engine == Engine::Meta) return Form::None;
  if (is_integer(spec.dtype)) return Form::RowsInt32;
  if (engine == Engine::Ref) return Form::RowsF32;
  const bool strips = config.memory_layout == TensorMemoryLayout::WIDTH_SHARDED;
  switch (spec.dtype) {
    case DataType::FLOAT32:
      return strips ? Form::StripsF32 : Form::RowsF32;
    case DataType::BFLOAT16:
      return strips ? Form::StripsBf16 : Form::RowsBf16;
    case DataType::BFLOAT8_B:
      return strips ? Form::StripsBfp8 : Form::RowsBfp8;
    case DataType::BFLOAT4_B:
      check(strips,
            "[to_device] {} interleaved: the fast engine keeps bfloat4_b as DRAM width-sharded weights only",
            to_string(spec));
      return Form::StripsBfp4;
    default:
      return Form::RowsInt32;
  }
}

Tensor allocate_tensor_on_device(Device& device, const TensorSpec& spec, const MemoryConfig& config) {
  const Form form = choose_form(device.engine(), spec, config);
  auto buffer = std::make_shared<Buffer>(device.shared_from_this(),
                                         static_cast<std::size_t>(form_bytes(form, spec.logical_shape)),
                                         spec.packed_bytes());
  return Tensor(spec, config, form, std::move(buffer));
}

Tensor zeros(Device& device, const TensorSpec& spec, const MemoryConfig& config) {
  Tensor tensor = allocate_tensor_on_device(device, spec, config);
  std::ranges::fill(tensor.bytes(), std::byte{0});
  return tensor;
}

Tensor to_device(Device& device, std::span<const float> values, const TensorSpec& spec,
                 const MemoryConfig& config) {
  check_volume(values.size(), spec);
  Tensor tensor = allocate_tensor_on_device(device, spec, config);
  copy_to_device(values, tensor);
  return tensor;
}

Tensor to_device(Device& device, std::span<const std::int32_t> values, const TensorSpec& spec) {
  check_volume(values.size(), spec);
  check(is_integer(spec.dtype), "[to_device] integers for {}: use uint32 or int32", to_string(spec));
  Tensor tensor = allocate_tensor_on_device(device, spec);
  copy_to_device(values, tensor);
  return tensor;
}

void copy_to_device(std::span<const std::int32_t> values, Tensor& tensor) {
  check_volume(values.size(), tensor.spec());
  check(is_integer(tensor.dtype()),
        "[to_device] integers for {}: give floats, or a tensor of uint32 or int32", to_string(tensor.spec()));
  if (tensor.form() == Form::RowsInt32 && !values.empty()) {
    std::memcpy(tensor.data<std::byte>(), values.data(), values.size_bytes());
  }
}

void copy_to_device(std::span<const float> values, Tensor& tensor) {
  check_volume(values.size(), tensor.spec());
  if (is_integer(tensor.dtype())) {
    std::vector<std::int32_t> bits(values.size());
    std::ranges::transform(values, bits.begin(), [&](float v) { return integer_bits(tensor.dtype(), v); });
    copy_to_device(bits, tensor);
  } else if (tensor.device().engine() == Engine::Ref && tensor.dtype() != DataType::FLOAT32) {
    std::vector<float> rounded(values.begin(), values.end());
    round_to_dtype(tensor.spec(), tensor.memory_config(), rounded);
    encode(tensor.form(), tensor.logical_shape(), rounded, tensor.bytes());
  } else {
    encode(tensor.form(), tensor.logical_shape(), values, tensor.bytes());
  }
}

Tensor map_on_device(Device& device, const TensorSpec& spec, const MemoryConfig& config,
                     std::shared_ptr<const void> owner, std::span<const std::byte> bytes) {
  const Form form = choose_form(device.engine(), spec, config);
  const std::int64_t expected = form_bytes(form, spec.logical_shape);
  check(static_cast<std::int64_t>(bytes.size()) == expected, "mapped tensor {}: {} bytes: expected {}",
        to_string(spec), bytes.size(), expected);
  auto buffer = std::make_shared<Buffer>(device.shared_from_this(), std::move(owner), bytes.data(),
                                         spec.packed_bytes());
  Tensor tensor(spec, config, form, std::move(buffer));
  return tensor.set_constant();
}

std::vector<float> Tensor::to_vector() const {
  std::vector<float> values(static_cast<std::size_t>(logical_shape().volume()));
  if (dtype() == DataType::UINT32) {
    std::ranges::transform(to_int_vector(), values.begin(),
                           [](std::int32_t bits) { return integer_value(DataType::UINT32, bits); });
  } else {
    decode(form_, logical_shape(), bytes(), values);
  }
  return values;
}

std::vector<std::int32_t> Tensor::to_int_vector() const {
  check(form_ == Form::RowsInt32, "[to_int_vector] {}: not an integer tensor with values", to_string(spec_));
  const auto* in = data<const std::int32_t>();
  return {in, in + logical_shape().volume()};
}

HostTensor Tensor::cpu() const {
  if (is_integer(dtype())) {
    const std::vector<std::int32_t> values = to_int_vector();
    return HostTensor::from_vector(std::span(values), spec_);
  }
  const std::vector<float> values = to_vector();
  return HostTensor::from_vector(std::span(values), spec_);
}

Tensor Tensor::view(const Shape& shape) const {
  check(shape.volume() == logical_shape().volume(), "[reshape] {} to {}: the volumes differ",
        to_string(spec_), to_string(shape));
  check(!is_strips(form_) && (form_ != Form::RowsBfp8 || shape[-1] == logical_shape()[-1]),
        "[reshape] {} to {}: this form cannot be viewed: typecast to bfloat16 first", to_string(spec_),
        to_string(shape));
  Tensor result = *this;
  result.spec_.logical_shape = shape;
  return result;
}

}  // namespace tessera
