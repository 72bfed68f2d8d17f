#pragma once
// A checkpoint with a LoRA adapter merged into its weights: W + scale * B A, added in float32 as the weights
// are read, so that whatever reads a checkpoint reads the fine-tuned one.
#include <filesystem>
#include <memory>

#include "io/checkpoint.hpp"

namespace tessera::io {

/// `adapter`: a PEFT folder with adapter_config.json and adapter_model.safetensors. Configuration and
/// tokenizer stay the base's; the content hash is of both. Throws UserError for a configuration that
/// parse_lora_config() refuses, tensors that are no LoRA factors, that the base has no weight for or that do
/// not fit it, and for target modules without factors.
std::unique_ptr<Checkpoint> merge_lora(std::unique_ptr<Checkpoint> base,
                                       const std::filesystem::path& adapter);

}  // namespace tessera::io
