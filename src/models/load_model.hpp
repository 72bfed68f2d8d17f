#pragma once
// A model on a device from a checkpoint, in one call.
#include <filesystem>
#include <memory>

#include "comm/group.hpp"
#include "device/device.hpp"
#include "io/checkpoint.hpp"
#include "models/precision.hpp"
#include "nn/causal_lm.hpp"

namespace tessera::models {

struct LoadOptions {
  Precision precision;
  int max_seq = 0;               // 0: the model's own limit
  bool use_weight_cache = true;  // fast engine only
  /// Tensor parallel: the chips that share this model, each with its part; every rank loads with its own
  /// group and device. Null: alone.
  std::shared_ptr<comm::Group> group = nullptr;
  nn::TensorPlan tensor = {};  // how they share it
};

/// io::Checkpoint::open with every family's keys and names known. `adapter`: a folder for io::merge_lora, or
/// empty.
std::unique_ptr<io::Checkpoint> open_checkpoint(const std::filesystem::path& path,
                                                const std::filesystem::path& adapter = {});

/// A damaged configuration can ask for a billion layers or for heads of a billion channels, and describing
/// them alone fills the memory. Throws UserError when it has more layers than the checkpoint has tensors, or
/// a head is longer than any of their dimensions.
void check_fits_checkpoint(const io::Checkpoint& checkpoint);

/// Throws UserError for an unknown architecture, missing, misshapen or unknown weights, a precision of a
/// layer that is not there. On the fast engine weights are packed once into the weight cache and mapped from
/// there; when no cache can be written they are packed in memory.
std::unique_ptr<nn::CausalLm> load_model(Device& device, const io::Checkpoint& checkpoint,
                                         const LoadOptions& options);

/// The model without weights, from its configuration alone; the device's engine must be meta.
std::unique_ptr<nn::CausalLm> load_meta_model(Device& device, const io::ModelConfig& config,
                                              const LoadOptions& options);

}  // namespace tessera::models
