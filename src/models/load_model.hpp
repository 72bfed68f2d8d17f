#pragma once
// A model on a device from a checkpoint, in one call.
#include <memory>

#include "device/device.hpp"
#include "io/checkpoint.hpp"
#include "models/precision.hpp"
#include "nn/causal_lm.hpp"

namespace tessera::models {

struct LoadOptions {
  Precision precision;
  int max_seq = 0;               // 0: the model's own limit
  bool use_weight_cache = true;  // fast engine only
};

/// Throws UserError for an unknown architecture, missing, misshapen or unknown weights. On the fast engine
/// weights are packed once into the weight cache and mapped from there; when no cache can be written they are
/// packed in memory.
std::unique_ptr<nn::CausalLm> load_model(Device& device, const io::Checkpoint& checkpoint,
                                         const LoadOptions& options);

/// The model without weights, from its configuration alone; the device's engine must be meta.
std::unique_ptr<nn::CausalLm> load_meta_model(Device& device, const io::ModelConfig& config,
                                              const LoadOptions& options);

}  // namespace tessera::models
