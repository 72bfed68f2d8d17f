#include "options.hpp"

#include <fmt/format.h>

#include <limits>

#include "generate/generator.hpp"

namespace tessera::cli {

CLI::Option* add_model_option(CLI::App& command, std::string& model) {
  return command
      .add_option("MODEL", model, "A catalogue name, a Hugging Face folder, a hub id or a .gguf file")
      ->required();
}

void add_model_choice(CLI::App& command, generate::ModelChoice& choice) {
  add_model_option(command, choice.model);
  command.add_option("--device", choice.device, "The device's spec sheet, one of `tessera devices`")
      ->capture_default_str();
  command.add_option("--engine", choice.engine, "The arithmetic: fast, exact or ref")->capture_default_str();
  const std::string precisions = "accuracy, performance, bf16, fp32 or a .json file";
  const bool by_engine = choice.precision.empty();
  command
      .add_option("--precision", choice.precision,
                  by_engine ? precisions + "; default: accuracy, on ref fp32" : precisions)
      ->capture_default_str();
}

void add_sampling_options(CLI::App& command, SamplingParams& sampling) {
  command.add_option("--temperature", sampling.temperature, "Of the softmax; 0 is greedy")
      ->check(CLI::Range(0.0, 1000.0))
      ->capture_default_str();
  command
      .add_option("--top-k", sampling.top_k,
                  fmt::format("Draw from the k best tokens; 0: the best {}", generate::kDefaultTopK))
      ->check(CLI::Range(0, std::numeric_limits<int>::max()))
      ->capture_default_str();
  command.add_option("--top-p", sampling.top_p, "Draw from the best tokens that together have this share")
      ->check(CLI::Range(1e-6, 1.0))
      ->capture_default_str();
  command.add_option("--seed", sampling.seed, "Of the sampler")->capture_default_str();
}

void add_json_flag(CLI::App& command, bool& json) {
  command.add_flag("--json", json, "Print one JSON document and nothing else");
}

}  // namespace tessera::cli
