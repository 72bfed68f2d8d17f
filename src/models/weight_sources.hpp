#pragma once
// The places weights come from. All check a request's parts against the checkpoint.
#include <memory>
#include <vector>

#include "io/checkpoint.hpp"
#include "nn/weight_source.hpp"

namespace tessera::models {

/// Throws UserError unless the checkpoint has every part of a request in the shape that it asks for.
void check_weight(const io::Checkpoint& checkpoint, const nn::WeightRequest& request);

/// Row-major values of a request as they go onto a device: parts joined, matrices transposed to [in, out].
std::vector<float> read_weight(const io::Checkpoint& checkpoint, const nn::WeightRequest& request);

/// Reads the checkpoint straight into device memory.
class DirectSource final : public nn::WeightSource {
 public:
  DirectSource(Device& device, const io::Checkpoint& checkpoint) : device_(device), checkpoint_(checkpoint) {}
  Device& device() const override { return device_; }
  Tensor load(const nn::WeightRequest& request) override;

 private:
  Device& device_;
  const io::Checkpoint& checkpoint_;
};

/// Weights without values, for the meta engine: shapes come from the configuration alone.
class MetaSource final : public nn::WeightSource {
 public:
  explicit MetaSource(Device& device) : device_(device) {}
  Device& device() const override { return device_; }
  Tensor load(const nn::WeightRequest& request) override;

 private:
  Device& device_;
};

/// Remembers what a model asks for; its tensors are meta tensors.
class RecordingSource final : public nn::WeightSource {
 public:
  explicit RecordingSource(Device& meta_device) : meta_(meta_device) {}
  Device& device() const override { return meta_.device(); }
  Tensor load(const nn::WeightRequest& request) override;
  const std::vector<nn::WeightRequest>& requests() const { return requests_; }

 private:
  MetaSource meta_;
  std::vector<nn::WeightRequest> requests_;
};

}  // namespace tessera::models
