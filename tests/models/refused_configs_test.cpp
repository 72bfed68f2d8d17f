// config.json files of real models with something that no family here does (tests/data/configs_refused): each
// is refused in one line that names the key.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <set>

#include "io/hf_config.hpp"
#include "models/registry.hpp"
#include "util/error.hpp"
#include "util/file.hpp"

namespace tessera::models {
namespace {

using Words = std::vector<const char*>;

const std::map<std::string, Words>& refusals() {
  static const std::map<std::string, Words> table{
      // Known architectures: what would be ignored if nobody looked.
      {"gemma3_bidirectional", {"use_bidirectional_attention", "causal mask"}},
      {"gpt2_cross_attention", {"add_cross_attention"}},
      {"gpt2_scaled_by_layer", {"scale_attn_by_inverse_layer_idx"}},
      {"llama_awq", {"quantization_config"}},
      {"llama_bitsandbytes", {"quantization_config"}},
      {"llama_compressed_tensors", {"quantization_config"}},
      {"llama_fp8", {"quantization_config"}},
      {"llama_gptq", {"quantization_config"}},
      {"llama_unknown_rope", {"rope_scaling", "\"ntk\""}},
      {"llama_xielu", {"hidden_act", "\"xielu\""}},
      {"qwen2_1m", {"dual_chunk_attention_config"}},
      // Architectures that are not here: the name, and what it would take.
      {"bert", {"\"BertForMaskedLM\"", "type_vocab_size"}},
      {"cohere", {"\"CohereForCausalLM\"", "logit_scale"}},
      {"dbrx", {"\"DbrxForCausalLM\"", "attn_config.clip_qkv", "ffn_config.moe_num_experts"}},
      {"deepseek_v3",
       {"\"DeepseekV3ForCausalLM\"", "kv_lora_rank", "n_routed_experts", "quantization_config"}},
      {"embedding_gemma", {"\"Gemma3TextModel\"", "use_bidirectional_attention"}},
      {"gemma3n", {"\"Gemma3nForConditionalGeneration\"", "text_config.altup_num_inputs"}},
      {"gpt_oss", {"\"GptOssForCausalLM\"", "swiglu_limit", "attention sinks"}},
      {"jamba", {"\"JambaForCausalLM\"", "mamba_d_state"}},
      {"llama4", {"\"Llama4ForConditionalGeneration\"", "text_config.attention_chunk_size", "vision_config"}},
      {"mamba", {"\"MambaForCausalLM\"", "state_size"}},
      {"minicpm", {"\"MiniCPMForCausalLM\"", "scale_depth", "scale_emb"}},
      {"ministral3", {"\"Ministral3ForCausalLM\"", "rope_parameters.llama_4_scaling_beta"}},
      {"mpt", {"\"MPTForCausalLM\"", "attn_config"}},
      {"phi2", {"\"PhiForCausalLM\"", "layer_norm_eps"}},
      {"qwen2_vl", {"\"Qwen2VLForConditionalGeneration\"", "vision_config (images)"}},
      {"qwen3_next", {"\"Qwen3NextForCausalLM\"", "linear_conv_kernel_dim"}},
      {"recurrent_gemma", {"\"RecurrentGemmaForCausalLM\"", "lru_width"}},
      {"t5", {"\"T5ForConditionalGeneration\"", "is_encoder_decoder"}},
  };
  return table;
}

std::string refusal_of(const std::filesystem::path& file) {
  try {
    check_config(io::parse_hf_config(read_text_file(file), "config.json", family_formats()));
  } catch (const UserError& error) {
    return error.what();
  }
  return "not refused";
}

TEST(RefusedConfigs, EachNamesItsKey) {
  std::set<std::string> folders;
  for (const auto& entry : std::filesystem::directory_iterator(TESSERA_TEST_DATA "/configs_refused")) {
    if (entry.is_directory()) folders.insert(entry.path().filename());
  }
  for (const auto& [folder, words] : refusals()) {
    ASSERT_EQ(folders.erase(folder), 1u) << folder;
    const std::string text =
        refusal_of(std::filesystem::path(TESSERA_TEST_DATA "/configs_refused") / folder / "config.json");
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
    for (const char* word : words) EXPECT_NE(text.find(word), std::string::npos) << folder << ": " << text;
  }
  EXPECT_TRUE(folders.empty()) << *folders.begin() << " is in no line of this test";
}

}  // namespace
}  // namespace tessera::models
