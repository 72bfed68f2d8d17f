#pragma once
// What the files of one model family mean: which keys its configuration has, and what llama.cpp calls its
// tensors. The families themselves are in the models room, which hands them to whatever opens a file.
#include <span>
#include <string>
#include <string_view>

#include "io/model_config.hpp"

namespace tessera::io {

class JsonReader;
class GgufKeys;

/// One tensor, or one tensor of every layer: names without ".weight" or ".bias", and without the layer's
/// prefix: "attn_q" is "self_attn.q_proj". With a '*' the file has a stack of matrices: "ffn_up_exps" is
/// "mlp.experts.*.up_proj", of which expert 3 is "mlp.experts.3.up_proj".
struct GgufName {
  std::string_view gguf;
  std::string_view hugging_face;
};

/// How llama.cpp writes the family.
struct GgufFormat {
  std::string_view architecture = {};  // general.architecture; empty: it does not write this family
  RopeForm rope_form = RopeForm::Halves;
  /// What differs from the usual names (gguf_names.cpp).
  std::span<const GgufName> names = {};
  /// Reads the metadata; nullptr: read_usual_gguf_keys.
  void (*read)(const GgufKeys& keys, ModelConfig& config) = nullptr;
  std::string_view layer_prefix = "model.layers.";  // of Hugging Face's names
  bool experts = false;  // only files with experts are of this family: llama.cpp's "llama" is two
};

struct FamilyFormat {
  std::string_view architecture;  // config.json's architectures[0]: "LlamaForCausalLM"
  std::string_view model_type;    // "llama"
  /// Reads config.json; usually read_usual_keys and then the family's own. A key that nobody reads and that
  /// is not known to be harmless ends in ModelConfig::other_arithmetic.
  void (*read_config)(const JsonReader& keys, ModelConfig& config);
  GgufFormat gguf = {};
  /// What stands before the names of a checkpoint that has the head too; one without it is read as if it had
  /// it.
  std::string_view base_prefix = {};
  std::span<const std::string_view> tables = {};  // ends of the names of tensors that nobody needs
};

using FamilyFormats = std::span<const FamilyFormat* const>;

/// nullptr when there is none for the architecture.
const FamilyFormat* find_format(FamilyFormats formats, std::string_view architecture);
/// The same by general.architecture of a GGUF file, with or without experts.
const FamilyFormat* find_gguf_format(FamilyFormats formats, std::string_view architecture, bool experts);

/// Hugging Face's name of a tensor; one that neither the family nor the usual names know keeps its own.
std::string hugging_face_name(const GgufFormat& format, std::string_view gguf_name);

}  // namespace tessera::io
