#pragma once
// What the bring-up ladder said of the checkpoints that it was tried on: ladder_results.json, written by
// scripts/run_ladders and held to the program by a test.
#include <string>
#include <string_view>
#include <vector>

namespace tessera::models {

struct LadderResult {
  std::string name;                      // of the catalogue, or a folder of tests/data/families
  std::string architecture;              // Hugging Face's architectures[0]
  bool tiny = false;                     // random weights and the family's real configuration keys
  std::vector<int> pass, fail, skipped;  // items of the checklist
};

/// Those of one architecture, real models first.
std::vector<LadderResult> ladder_results(std::string_view architecture);

/// "qwen2: 10 of 10 items pass", and which do not.
std::string to_string(const LadderResult& result);

/// The file itself.
std::string_view ladder_results_json();

}  // namespace tessera::models
