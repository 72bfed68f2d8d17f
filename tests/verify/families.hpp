#pragma once
// The goldens of tests/data/families that are held to Hugging Face's figures: one line each, so that none
// vanishes unseen. families_test.cpp fails for a folder that the program says it can run and that is not
// here.
#include <array>

namespace tessera::verify::test {

struct FamilyGolden {
  const char* folder;
  const char* file = "golden.safetensors";
};

inline constexpr std::array kFamilyGoldens{
    FamilyGolden{"llama"},
    FamilyGolden{"llama_linear"},
    FamilyGolden{"llama_llama3"},
    FamilyGolden{"llama_yarn"},
    FamilyGolden{"llama_dynamic"},
    FamilyGolden{"llama_dynamic", "golden_short.safetensors"},
    FamilyGolden{"mistral"},
    FamilyGolden{"mistral_nemo"},
    FamilyGolden{"qwen2"},
    FamilyGolden{"qwen2_yarn"},
    FamilyGolden{"qwen3"},
    FamilyGolden{"gemma2"},
    FamilyGolden{"gemma3_text"},
    FamilyGolden{"gemma3_new"},
    FamilyGolden{"smollm3"},
    FamilyGolden{"phi3"},
    FamilyGolden{"phi3", "golden_short.safetensors"},
    FamilyGolden{"phi3_window"},
    FamilyGolden{"phi4_mini"},
    FamilyGolden{"phi4_mini", "golden_short.safetensors"},
    FamilyGolden{"granite"},
    FamilyGolden{"olmo2"},
    FamilyGolden{"falcon_7b"},
    FamilyGolden{"falcon_40b"},
    FamilyGolden{"falcon_rw"},
    FamilyGolden{"gpt2"},
    FamilyGolden{"gpt_neox"},
    FamilyGolden{"gpt_neox_serial"},
    FamilyGolden{"mixtral"},
    FamilyGolden{"qwen2_moe"},
    FamilyGolden{"qwen3_moe"},
    FamilyGolden{"qwen3_moe_sparse"},
};

/// Folders whose model.gguf is held to the same golden.
inline constexpr std::array kFamilyGgufs{"llama_llama3", "mistral_nemo",    "qwen2", "qwen3",    "gemma2",
                                         "gemma3_text",  "smollm3",         "phi3",  "granite",  "olmo2",
                                         "falcon_7b",    "falcon_40b",      "gpt2",  "gpt_neox", "mixtral",
                                         "qwen2_moe",    "qwen3_moe_sparse"};

}  // namespace tessera::verify::test
