#pragma once
// adapter_config.json of a PEFT folder.
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace tessera::io {

/// What of a LoRA configuration the merged weights depend on.
struct LoraConfig {
  int rank = 0;
  float alpha = 0;
  bool use_rslora = false;                     // the scale is alpha / sqrt(rank), not alpha / rank
  std::map<std::string, int> rank_pattern;     // by module, or the end of its path
  std::map<std::string, float> alpha_pattern;  // likewise
  std::vector<std::string> targets;            // the ends of paths; empty: a pattern, which is not held
  bool every_layer = true;                     // the targets of all layers, without exceptions

  int rank_of(std::string_view module) const;
  /// What the product of the two factors is multiplied with.
  float scale_of(std::string_view module) const;
};

/// Whether "model.layers.0.self_attn.q_proj" is, or ends with, the part ("q_proj") of a path.
bool ends_with_module(std::string_view module, std::string_view part);

/// Throws UserError that names the key of what cannot be merged (use_dora, modules_to_save, ...), of what is
/// not known and not off, and of values that are none; `file` names the text.
LoraConfig parse_lora_config(std::string_view text, const std::string& file);

}  // namespace tessera::io
