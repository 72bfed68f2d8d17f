#include "device/tensor.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <utility>

#include "device/trace.hpp"
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

void write(std::span<const std::int32_t> values, const Tensor& tensor) {
  if (tensor.form() == Form::RowsInt32 && !values.empty()) {
    std::memcpy(tensor.data<std::byte>(), values.data(), values.size_bytes());
  }
}

void write(std::span<const float> values, const Tensor& tensor) {
  if (is_integer(tensor.dtype())) {
    std::vector<std::int32_t> bits(values.size());
    std::ranges::transform(values, bits.begin(), [&](float v) { return integer_bits(tensor.dtype(), v); });
    write(std::span<const std::int32_t>(bits), tensor);
  } else if (tensor.device().engine() == Engine::Ref && tensor.dtype() != DataType::FLOAT32) {
    std::vector<float> rounded(values.begin(), values.end());
    round_to_dtype(tensor.spec(), tensor.memory_config(), rounded);
    encode(tensor.form(), tensor.logical_shape(), rounded, tensor.bytes());
  } else {
    encode(tensor.form(), tensor.logical_shape(), values, tensor.bytes());
  }
}

// A transfer as a command.
class Copy final : public Command {
 public:
  Copy(std::string name, std::function<void()> body) : name_(std::move(name)), body_(std::move(body)) {}
  void run() override { body_(); }
  std::string name() const override { return name_; }

 private:
  std::string name_;
  std::function<void()> body_;
};

template <class T>
void submit_write(std::span<const T> values, const Tensor& tensor) {
  Device& device = tensor.device();
  device.traces().refuse("copy_to_device");
  check_volume(values.size(), tensor.spec());
  if (!device.is_async()) return write(values, tensor);
  device.submit(
      std::make_shared<Copy>("copy_to_device", [kept = std::vector<T>(values.begin(), values.end()), tensor] {
        write(std::span<const T>(kept), tensor);
      }));
}

// Nobody else has a new tensor yet: its first values need no queue.
template <class T>
Tensor make_with(Device& device, std::span<const T> values, const TensorSpec& spec,
                 const MemoryConfig& config) {
  device.traces().refuse("to_device");
  check_volume(values.size(), spec);
  const Tensor tensor = allocate_tensor_on_device(device, spec, config);
  write(values, tensor);
  return tensor;
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
  device.traces().refuse("allocate_tensor_on_device");
  return allocate_output(device, spec, config);
}

Tensor allocate_output(Device& device, const TensorSpec& spec, const MemoryConfig& config) {
  const Form form = choose_form(device.engine(), spec, config);
  auto buffer =
      std::make_shared<Buffer>(device.shared_from_this(),
                               static_cast<std::size_t>(form_bytes(form, spec.logical_shape)), spec, config);
  return Tensor(spec, config, form, std::move(buffer));
}

Tensor zeros(Device& device, const TensorSpec& spec, const MemoryConfig& config) {
  device.traces().refuse("zeros");
  Tensor tensor = allocate_tensor_on_device(device, spec, config);
  std::ranges::fill(tensor.bytes(), std::byte{0});
  return tensor;
}

Tensor to_device(Device& device, std::span<const float> values, const TensorSpec& spec,
                 const MemoryConfig& config) {
  return make_with(device, values, spec, config);
}

Tensor to_device(Device& device, std::span<const std::int32_t> values, const TensorSpec& spec) {
  check(is_integer(spec.dtype), "[to_device] integers for {}: use uint32 or int32", to_string(spec));
  return make_with(device, values, spec, {});
}

void copy_to_device(std::span<const std::int32_t> values, Tensor& tensor) {
  check(is_integer(tensor.dtype()),
        "[to_device] integers for {}: give floats, or a tensor of uint32 or int32", to_string(tensor.spec()));
  submit_write(values, tensor);
}

void copy_to_device(std::span<const float> values, Tensor& tensor) {
  submit_write(values, tensor);
}

void copy_to_host(const Tensor& tensor, std::span<std::int32_t> values) {
  tensor.device().traces().refuse("copy_to_host");
  check_volume(values.size(), tensor.spec());
  check(tensor.form() == Form::RowsInt32, "[copy_to_host] {}: not an integer tensor with values",
        to_string(tensor.spec()));
  tensor.device().submit(std::make_shared<Copy>("copy_to_host", [tensor, values] {
    if (!values.empty()) std::memcpy(values.data(), tensor.data<const std::byte>(), values.size_bytes());
  }));
}

Tensor map_on_device(Device& device, const TensorSpec& spec, const MemoryConfig& config,
                     std::shared_ptr<const MappedFile> file, std::span<const std::byte> bytes) {
  const Form form = choose_form(device.engine(), spec, config);
  const std::int64_t expected = form_bytes(form, spec.logical_shape);
  check(static_cast<std::int64_t>(bytes.size()) == expected, "mapped tensor {}: {} bytes: expected {}",
        to_string(spec), bytes.size(), expected);
  auto buffer =
      std::make_shared<Buffer>(device.shared_from_this(), std::move(file), bytes.data(), spec, config);
  Tensor tensor(spec, config, form, std::move(buffer));
  return tensor.set_constant();
}

std::vector<float> Tensor::to_vector() const {
  device().traces().refuse("to_vector");
  device().synchronize();
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
  device().traces().refuse("to_int_vector");
  check(form_ == Form::RowsInt32, "[to_int_vector] {}: not an integer tensor with values", to_string(spec_));
  device().synchronize();
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

Tensor Tensor::unpinned(const BlockPool& arena) const {
  if (!is_allocated() || buffer_->pool() != &arena) return *this;
  Tensor result = *this;
  result.buffer_ = std::make_shared<Buffer>(shared_device(), buffer_->data());
  return result;
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
