#include "models/missing_features.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace tessera::models {
namespace {

using Feature = std::pair<std::string_view, std::string_view>;

// Keys as transformers' configuration classes have them. Of several that come together the telling one is
// enough.
constexpr std::array kFeatures = {
    Feature{"quantization_config", "weights that another program quantised"},
    Feature{"kv_lora_rank", "multi-head latent attention"},
    Feature{"q_lora_rank", "multi-head latent attention"},
    Feature{"n_routed_experts", "experts chosen in groups by sigmoid scores"},
    Feature{"n_shared_experts", "experts chosen in groups by sigmoid scores"},
    Feature{"index_topk", "sparse attention"},
    Feature{"swiglu_limit", "attention sinks and a clamped SwiGLU"},
    Feature{"attention_chunk_size", "attention inside chunks"},
    Feature{"chunked_attention", "attention inside chunks"},
    Feature{"attn_temperature_tuning", "scores scaled by position"},
    Feature{"llama_4_scaling_beta", "scores scaled by position"},
    Feature{"dual_chunk_attention_config", "dual chunk attention"},
    Feature{"use_bidirectional_attention", "attention without a causal mask"},
    Feature{"is_encoder_decoder", "an encoder"},
    Feature{"type_vocab_size", "an encoder's token types"},
    Feature{"relative_attention_num_buckets", "relative position buckets"},
    Feature{"add_cross_attention", "cross attention"},
    Feature{"state_size", "state-space layers"},
    Feature{"mamba_d_state", "state-space layers"},
    Feature{"lru_width", "recurrent layers"},
    Feature{"linear_conv_kernel_dim", "linear attention"},
    Feature{"linear_attention", "linear attention"},
    Feature{"altup_num_inputs", "alternating updates of parallel streams"},
    Feature{"laurel_rank", "learned augmented residuals"},
    Feature{"num_kv_shared_layers", "layers that share keys and values"},
    Feature{"hidden_size_per_layer_input", "an embedding for each layer"},
    Feature{"vision_config", "images"},
    Feature{"audio_config", "sound"},
    Feature{"mrope_section", "rotary positions in three axes"},
    Feature{"clip_qkv", "clamped queries, keys and values"},
    Feature{"logit_scale", "scaled logits"},
    Feature{"scale_emb", "a scaled embedding"},
    Feature{"scale_depth", "scaled residuals"},
    Feature{"scale_attn_by_inverse_layer_idx", "scores scaled by layer"},
    Feature{"moe_num_experts", "experts under other keys"},
    Feature{"num_nextn_predict_layers", "layers that predict further tokens"},
};

}  // namespace

std::string_view feature_of(std::string_view key) {
  const std::size_t dot = key.rfind('.');
  if (dot != std::string_view::npos) key.remove_prefix(dot + 1);
  const auto* const it = std::ranges::find(kFeatures, key, &Feature::first);
  return it == kFeatures.end() ? std::string_view() : it->second;
}

std::string describe_keys(std::span<const std::string> keys, std::size_t limit) {
  std::vector<std::string> texts;
  std::vector<std::string_view> named;
  for (const std::string& key : keys) {
    const std::string_view feature = feature_of(key);
    if (feature.empty() || std::ranges::find(named, feature) != named.end()) continue;
    named.push_back(feature);
    texts.push_back(fmt::format("{} ({})", key, feature));
  }
  for (const std::string& key : keys) {
    if (feature_of(key).empty()) texts.push_back(key);
  }
  const std::size_t rest = texts.size() - std::min(texts.size(), limit);
  texts.resize(texts.size() - rest);
  return fmt::format("{}{}", fmt::join(texts, ", "), rest > 0 ? fmt::format(" and {} more", rest) : "");
}

}  // namespace tessera::models
