#pragma once
// What keys of a config.json ask for that no family here does, for whoever wants to run the model.
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tessera::models {

/// "kv_lora_rank" (or "text_config.kv_lora_rank") is "multi-head latent attention"; empty for a key that says
/// it itself.
std::string_view feature_of(std::string_view key);

/// "kv_lora_rank (multi-head latent attention), ep_size": those with a feature first, each feature once, and
/// at most `limit` of them; "and 3 more" for the rest.
std::string describe_keys(std::span<const std::string> keys, std::size_t limit = 8);

}  // namespace tessera::models
