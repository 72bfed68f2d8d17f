#include "options.hpp"

#include <fmt/format.h>

#include <limits>

#include "generate/generator.hpp"
#include "util/parallel.hpp"

namespace tessera::cli {

CLI::Option* add_model_option(CLI::App& command, std::string& model) {
  return command
      .add_option("MODEL", model, "A catalogue name, a Hugging Face folder, a hub id or a .gguf file")
      ->required();
}

void add_adapter_option(CLI::App& command, std::string& adapter) {
  command.add_option("--adapter", adapter, "A PEFT folder: its LoRA is merged into the weights");
}

namespace {

void add_switch(CLI::App& command, const std::string& name, bool& value, const std::string& text) {
  command
      .add_option_function<std::string>(
          name, [&value](const std::string& given) { value = given == "on"; }, text)
      ->check(CLI::IsMember({"on", "off"}))
      ->default_str(value ? "on" : "off");
}

}  // namespace

void add_model_choice(CLI::App& command, generate::ModelChoice& choice) {
  add_model_option(command, choice.model);
  add_adapter_option(command, choice.adapter);
  command.add_option("--device", choice.device, "The device's spec sheet, one of `tessera devices`")
      ->capture_default_str();
  command.add_option("--engine", choice.engine, "The arithmetic: fast, exact or ref")->capture_default_str();
  const std::string precisions = "accuracy, performance, bfp4, bf16, fp32 or a .json file";
  const bool by_engine = choice.precision.empty();
  command
      .add_option("--precision", choice.precision,
                  by_engine ? precisions + "; default: accuracy, on ref fp32" : precisions)
      ->capture_default_str();
  command
      .add_option_function<int>("--threads", choose_num_threads,
                                "Threads of the compute pool; default: TESSERA_THREADS, else one a core")
      ->check(CLI::Range(1, kMostThreads));
}

void add_run_switches(CLI::App& command, generate::ModelChoice& choice) {
  add_switch(command, "--async", choice.async, "Run the device's commands on a thread of its queue");
  add_switch(command, "--trace", choice.trace, "Replay decode steps and prefills from captured traces");
}

void add_mesh_option(CLI::App& command, std::string& mesh) {
  command.add_option("--mesh", mesh,
                     "Rows x columns of chips that share the model: 1x4; default: all of the device, or of "
                     "the processes that mpirun has started");
}

void add_sharing_options(CLI::App& command, generate::ModelChoice& choice) {
  add_mesh_option(command, choice.mesh);
  command
      .add_option(
          "--tensor-parallel", choice.tensor_parallel,
          "How the chips of a copy share it: replicated or fractured (the residual stream), or 2d (rows "
          "and columns); default: 2d beyond 8 chips, else replicated")
      ->check(CLI::IsMember({"replicated", "fractured", "2d"}));
  command
      .add_option("--data-parallel", choice.data_parallel,
                  "Copies of the model on the mesh, each on an equal part of it")
      ->check(CLI::PositiveNumber)
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
