#include "plan/presets.hpp"

#include <fmt/format.h>

#include "util/error.hpp"

namespace tessera::plan {
namespace {

using enum DataType;

models::Precision vendor_preset(const std::string& name, const ModelFacts& facts) {
  const io::ModelConfig& c = facts.config;
  models::Precision p;
  p.kv_cache = BFLOAT8_B;
  p.activation = BFLOAT16;
  p.name = name;
  const bool qwen2 = c.architecture == "Qwen2ForCausalLM";
  const bool qwen2_7b = qwen2 && c.hidden_size == 3584;
  if (name == "tt-performance") {
    if (!qwen2_7b) p.decoder.ff1_ff3 = BFLOAT4_B;
  } else if (c.num_hidden_layers >= 80) {
    p.decoder.ff1_ff3 = BFLOAT4_B;  // 70B, 72B, 90B: "accuracy" would not fit 8 chips with a context
    return p;
  }
  // Whose "accuracy" keeps attention in bfloat8_b: the Llamas, Mistral 7B and Phi; the others have bfloat16.
  const bool eight_bit_attention = c.architecture == "LlamaForCausalLM" ||
                                   c.architecture == "Phi3ForCausalLM" ||
                                   (c.architecture == "MistralForCausalLM" && c.num_hidden_layers <= 32);
  if (qwen2_7b || (name == "tt-accuracy" && !eight_bit_attention))
    p.decoder.wqkv = p.decoder.wo = p.kv_cache = BFLOAT16;
  return p;
}

}  // namespace

models::Precision plan_precision(const std::string& name, const ModelFacts& facts) {
  if (name == "tt-performance" || name == "tt-accuracy") return vendor_preset(name, facts);
  try {
    return models::parse_precision(name);
  } catch (const UserError& error) {
    if (name.ends_with(".json")) throw;
    fail_user(
        "unknown precision: \"{}\": use accuracy, performance, bfp4, bf16, fp32, tt-performance, tt-accuracy "
        "or a "
        ".json file",
        name);
  }
}

std::string describe(const models::Precision& p) {
  return fmt::format("attention {}, gate and up {}, down {}, head {}, KV cache {}, activations {}",
                     to_string(p.decoder.wqkv), to_string(p.decoder.ff1_ff3), to_string(p.decoder.ff2),
                     to_string(p.lm_head), to_string(p.kv_cache), to_string(p.activation));
}

}  // namespace tessera::plan
