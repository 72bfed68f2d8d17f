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
};

/// Folders whose model.gguf is held to the same golden.
inline constexpr std::array kFamilyGgufs{"llama_llama3"};

}  // namespace tessera::verify::test
