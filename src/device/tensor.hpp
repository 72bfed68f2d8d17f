#pragma once
// A tensor on a device: a cheap handle; copies share the memory.
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "device/device.hpp"
#include "device/form.hpp"
#include "device/memory_config.hpp"
#include "tensor/host_tensor.hpp"

namespace tessera {

class Tensor {
 public:
  Tensor() = default;
  Tensor(TensorSpec spec, MemoryConfig config, Form form, std::shared_ptr<Buffer> buffer)
      : spec_(spec), config_(config), form_(form), buffer_(std::move(buffer)) {}

  bool is_allocated() const { return buffer_ != nullptr; }
  const TensorSpec& spec() const { return spec_; }
  const Shape& logical_shape() const { return spec_.logical_shape; }
  Shape padded_shape() const { return spec_.padded_shape(); }
  DataType dtype() const { return spec_.dtype; }
  Layout layout() const { return spec_.layout; }
  const MemoryConfig& memory_config() const { return config_; }
  Form form() const { return form_; }
  Device& device() const { return buffer_->device(); }
  const std::shared_ptr<Device>& shared_device() const { return buffer_->shared_device(); }

  /// A weight or table that no op writes: observers tell it from activations.
  bool is_constant() const { return constant_; }
  Tensor& set_constant() {
    constant_ = true;
    return *this;
  }

  /// The physical bytes, as T; what they mean depends on form().
  template <class T>
  T* data() const {
    return reinterpret_cast<T*>(buffer_->data());
  }
  std::span<std::byte> bytes() const {
    return {buffer_->data(), static_cast<std::size_t>(form_bytes(form_, spec_.logical_shape))};
  }

  /// The file that its memory is a part of, or nullptr.
  const MappedFile* file() const { return buffer_->file(); }

  /// Row-major values of the logical shape, exact; waits for the device. Meta tensors have none: UserError.
  std::vector<float> to_vector() const;
  std::vector<std::int32_t> to_int_vector() const;
  /// The packed host tensor (TT-NN's `cpu()`): tiles with faces for TILE layout.
  HostTensor cpu() const;

  /// The same memory under another logical shape of equal volume; row forms only.
  Tensor view(const Shape& shape) const;
  bool shares_memory_with(const Tensor& other) const { return buffer_ == other.buffer_; }
  /// Itself, or, when its memory came from `arena`, the same memory without owning it (for a captured
  /// command).
  Tensor unpinned(const BlockPool& arena) const;

 private:
  TensorSpec spec_;
  MemoryConfig config_;
  Form form_ = Form::None;
  bool constant_ = false;
  std::shared_ptr<Buffer> buffer_;
};

/// The form in which `engine` keeps such a tensor. Throws UserError for a combination that it does not have.
Form choose_form(Engine engine, const TensorSpec& spec, const MemoryConfig& config);

/// Uninitialised. Takes room in the device's banks, of the current MemoryScope's kind. UserError inside a
/// trace capture: a replay allocates nothing.
Tensor allocate_tensor_on_device(Device& device, const TensorSpec& spec, const MemoryConfig& config = {});
/// The same for what an op computes: inside a capture it is a tensor of the trace.
Tensor allocate_output(Device& device, const TensorSpec& spec, const MemoryConfig& config);

/// All zeros.
Tensor zeros(Device& device, const TensorSpec& spec, const MemoryConfig& config = {});

/// Row-major values of the logical shape onto the device. Width-sharded weights are rounded by the host rule,
/// interleaved bfloat8_b by the device packer's, on every engine.
Tensor to_device(Device& device, std::span<const float> values, const TensorSpec& spec,
                 const MemoryConfig& config = {});
Tensor to_device(Device& device, std::span<const std::int32_t> values, const TensorSpec& spec);

/// Overwrites an existing tensor of the same volume (TT-NN's copy_host_to_device_tensor), in the order of the
/// calling thread's queue; the values are copied first when the queue is asynchronous. Integers are for
/// integer tensors only; floats for an integer tensor are cut off towards zero and clamped. Throws UserError.
void copy_to_device(std::span<const std::int32_t> values, Tensor& tensor);
void copy_to_device(std::span<const float> values, Tensor& tensor);

/// Reads integers in the order of the calling thread's queue and returns at once (TT-NN's
/// cpu(blocking=false)): `values` is valid, and must live, until an event recorded behind it is reached.
void copy_to_host(const Tensor& tensor, std::span<std::int32_t> values);

/// A tensor over bytes of `file` that are already in the engine's form (a weight cache), without a copy.
Tensor map_on_device(Device& device, const TensorSpec& spec, const MemoryConfig& config,
                     std::shared_ptr<const MappedFile> file, std::span<const std::byte> bytes);

}  // namespace tessera
