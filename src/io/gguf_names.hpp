#pragma once
// What is particular to one architecture in a GGUF file.
#include <span>
#include <string>
#include <string_view>

#include "io/model_config.hpp"

namespace tessera::io {

/// One tensor, or one tensor of every layer: names without ".weight" or ".bias", and without the layer's
/// prefix.
struct GgufName {
  std::string_view gguf;
  std::string_view hugging_face;
};

struct GgufArchitecture {
  std::string_view gguf;          // general.architecture
  std::string_view hugging_face;  // architectures[0]
  std::string_view model_type;
  RopeForm rope_form;
  std::span<const GgufName> model_names;  // "token_embd" -> "model.embed_tokens"
  std::span<const GgufName>
      layer_names;  // "attn_q" -> "self_attn.q_proj", behind "blk.3." -> "model.layers.3."
};

/// nullptr for an architecture whose names are not known.
const GgufArchitecture* find_gguf_architecture(std::string_view name);

/// Hugging Face's name of a tensor; one that the table lacks keeps its own.
std::string hugging_face_name(const GgufArchitecture& architecture, std::string_view gguf_name);

}  // namespace tessera::io
