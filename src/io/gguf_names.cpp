#include "io/gguf_names.hpp"

#include <array>

namespace tessera::io {
namespace {

constexpr std::array kLlamaModel = {
    GgufName{"token_embd", "model.embed_tokens"},
    GgufName{"output_norm", "model.norm"},
    GgufName{"output", "lm_head"},
};
constexpr std::array kLlamaLayer = {
    GgufName{"attn_norm", "input_layernorm"},    GgufName{"attn_q", "self_attn.q_proj"},
    GgufName{"attn_k", "self_attn.k_proj"},      GgufName{"attn_v", "self_attn.v_proj"},
    GgufName{"attn_output", "self_attn.o_proj"}, GgufName{"ffn_norm", "post_attention_layernorm"},
    GgufName{"ffn_gate", "mlp.gate_proj"},       GgufName{"ffn_up", "mlp.up_proj"},
    GgufName{"ffn_down", "mlp.down_proj"},
};

// One entry an architecture; an absent one opens with its own tensor names, for `inspect`.
constexpr std::array kArchitectures = {
    GgufArchitecture{"llama", "LlamaForCausalLM", "llama", RopeForm::Pairs, kLlamaModel, kLlamaLayer},
};

std::string_view translate(std::span<const GgufName> names, std::string_view stem) {
  for (const GgufName& name : names) {
    if (name.gguf == stem) return name.hugging_face;
  }
  return {};
}

}  // namespace

const GgufArchitecture* find_gguf_architecture(std::string_view name) {
  for (const GgufArchitecture& architecture : kArchitectures) {
    if (architecture.gguf == name) return &architecture;
  }
  return nullptr;
}

std::string hugging_face_name(const GgufArchitecture& architecture, std::string_view gguf_name) {
  std::string own(gguf_name);
  const std::size_t dot = gguf_name.rfind('.');
  if (dot == std::string_view::npos) return own;
  const std::string_view kind = gguf_name.substr(dot);  // ".weight"
  const std::string_view stem = gguf_name.substr(0, dot);
  constexpr std::string_view kLayer = "blk.";
  if (!stem.starts_with(kLayer)) {
    const std::string_view found = translate(architecture.model_names, stem);
    return found.empty() ? own : std::string(found) + std::string(kind);
  }
  const std::size_t end = stem.find('.', kLayer.size());
  if (end == std::string_view::npos) return own;
  const std::string_view found = translate(architecture.layer_names, stem.substr(end + 1));
  if (found.empty()) return own;
  const std::string_view layer = stem.substr(kLayer.size(), end - kLayer.size());
  return "model.layers." + std::string(layer) + "." + std::string(found) + std::string(kind);
}

}  // namespace tessera::io
