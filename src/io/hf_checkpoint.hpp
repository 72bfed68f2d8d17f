#pragma once
#include <filesystem>
#include <memory>

#include "io/checkpoint.hpp"

namespace tessera::io {

/// A Hugging Face folder: config.json, *.safetensors, tokenizer files. Throws UserError.
std::unique_ptr<Checkpoint> open_hf_checkpoint(const std::filesystem::path& folder, FamilyFormats formats);

}  // namespace tessera::io
