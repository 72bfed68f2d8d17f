#include <array>

#include "io/family_format.hpp"

namespace tessera::io {
namespace {

// What llama.cpp calls the tensors of most decoders.
constexpr std::array kUsual = {
    GgufName{"token_embd", "model.embed_tokens"},
    GgufName{"output_norm", "model.norm"},
    GgufName{"output", "lm_head"},
    GgufName{"attn_norm", "input_layernorm"},
    GgufName{"attn_q", "self_attn.q_proj"},
    GgufName{"attn_k", "self_attn.k_proj"},
    GgufName{"attn_v", "self_attn.v_proj"},
    GgufName{"attn_output", "self_attn.o_proj"},
    GgufName{"attn_q_norm", "self_attn.q_norm"},
    GgufName{"attn_k_norm", "self_attn.k_norm"},
    GgufName{"ffn_norm", "post_attention_layernorm"},
    GgufName{"ffn_gate", "mlp.gate_proj"},
    GgufName{"ffn_up", "mlp.up_proj"},
    GgufName{"ffn_down", "mlp.down_proj"},
};

std::string_view translate(const GgufFormat& format, std::string_view stem) {
  for (const std::span<const GgufName> names : {format.names, std::span<const GgufName>(kUsual)}) {
    for (const GgufName& name : names) {
      if (name.gguf == stem) return name.hugging_face;
    }
  }
  return {};
}

}  // namespace

const FamilyFormat* find_format(FamilyFormats formats, std::string_view architecture) {
  for (const FamilyFormat* format : formats) {
    if (format->architecture == architecture) return format;
  }
  return nullptr;
}

const FamilyFormat* find_gguf_format(FamilyFormats formats, std::string_view architecture, bool experts) {
  for (const FamilyFormat* format : formats) {
    const GgufFormat& gguf = format->gguf;
    if (!gguf.architecture.empty() && gguf.architecture == architecture && gguf.experts == experts)
      return format;
  }
  return nullptr;
}

std::string hugging_face_name(const GgufFormat& format, std::string_view gguf_name) {
  std::string own(gguf_name);
  const std::size_t dot = gguf_name.rfind('.');
  if (dot == std::string_view::npos) return own;
  const std::string_view kind = gguf_name.substr(dot);  // ".weight"
  const std::string_view stem = gguf_name.substr(0, dot);
  constexpr std::string_view kLayer = "blk.";
  if (!stem.starts_with(kLayer)) {
    const std::string_view found = translate(format, stem);
    return found.empty() ? own : std::string(found) + std::string(kind);
  }
  const std::size_t end = stem.find('.', kLayer.size());
  if (end == std::string_view::npos) return own;
  const std::string_view found = translate(format, stem.substr(end + 1));
  if (found.empty()) return own;
  const std::string_view layer = stem.substr(kLayer.size(), end - kLayer.size());
  return std::string(format.layer_prefix) + std::string(layer) + "." + std::string(found) + std::string(kind);
}

}  // namespace tessera::io
