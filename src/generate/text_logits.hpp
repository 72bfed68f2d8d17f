#pragma once
// The model's logits over a given text, for comparison with another program's.
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "generate/model_session.hpp"

namespace tessera::generate {

struct TextLogitsOptions {
  std::string text;
  int tokens = 256;           // of the text at most
  std::filesystem::path out;  // .npy, float32 [tokens, vocabulary]
};

/// Runs the text's tokens (no chat template) through the model and writes the logits after each of them.
/// Returns the tokens. Throws UserError for an empty text, one longer than the model's context, or a file
/// that cannot be written.
std::vector<std::int32_t> write_text_logits(const ModelChoice& choice, const TextLogitsOptions& options);

}  // namespace tessera::generate
