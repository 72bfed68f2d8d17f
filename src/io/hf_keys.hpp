#pragma once
// The keys that most config.json files share, for the families' read_config functions.
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "io/json.hpp"
#include "io/model_config.hpp"

namespace tessera::io {

/// Sizes, rms_norm_eps, hidden_act, tie_word_embeddings and the rotary keys, by Llama's names. Throws
/// UserError naming a missing or mistyped key.
void read_usual_keys(const JsonReader& keys, ModelConfig& config);

/// A positive size that must be there, for families whose keys have other names.
int required_size(const JsonReader& keys, std::string_view key);

/// The same where the architecture is not known: what is missing stays 0.
void read_known_sizes(const JsonReader& keys, ModelConfig& config);

/// rope_theta, partial_rotary_factor, `rope_scaling` (old key "type", new "rope_type") or `rope_parameters`,
/// which also holds rope_theta and may hold an object for full_attention and one for sliding_attention. Needs
/// the sizes. Part of read_usual_keys.
void read_rope_keys(const JsonReader& keys, ModelConfig& config);

/// sliding_window, use_sliding_window, max_window_layers and layer_types to ModelConfig::sliding_windows.
/// Where no layer_types say it: `otherwise(layer)` is whether a layer has the window, given that the model
/// has one.
void read_sliding_windows(const JsonReader& keys, ModelConfig& config,
                          const std::function<bool(int)>& otherwise);

/// One token id, a list of them, or nothing.
std::vector<int> read_token_ids(const JsonReader& keys, std::string_view key);

/// Every member that was not asked for, is set, and is not known to leave the arithmetic alone.
std::vector<std::string> unknown_keys(const JsonReader& keys, const ModelConfig& config);

}  // namespace tessera::io
