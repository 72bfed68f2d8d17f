#include <fmt/format.h>

#include <filesystem>
#include <memory>

#include "commands.hpp"
#include "options.hpp"
#include "output.hpp"
#include "util/error.hpp"
#include "util/file.hpp"
#include "verify/make_golden.hpp"

namespace tessera::cli {
namespace {

struct Options {
  std::string model, adapter, out;
  verify::GoldenOptions golden;
};

void run(const Options& o) {
  const std::filesystem::path out = o.out.empty() ? verify::golden_file_name(o.model) : o.out;
  check(!std::filesystem::is_directory(out), "cannot write {}: it is a folder: give a file name as --out",
        out.string());
  make_output_folder(out.has_parent_path() ? out.parent_path() : ".");
  // Asked before the model runs, so that no run is lost.
  {
    const AtomicFile writable(out);
  }
  generate::ModelChoice choice;
  choice.model = o.model;
  choice.adapter = o.adapter;
  choice.engine = "ref";
  choice.alone = true;
  generate::ModelSession session(choice);
  const io::Golden golden = verify::make_golden(
      session, o.model, o.golden, [](const std::string& part) { fmt::print(stderr, "tessera: {}\n", part); });
  io::write_golden(out, golden);
  write_out(out.string() + "\n");
}

}  // namespace

void add_golden(CLI::App& app) {
  auto* command = app.add_subcommand("golden", "Write a golden file from the ref engine");
  command->footer(
      "Examples:\n  tessera golden smollm2-135m\n"
      "  tessera golden ./my-model --out my.golden.safetensors --forced-tokens 100 --greedy-tokens 16\n"
      "`python -m tessera_golden MODEL` writes the same from Hugging Face transformers.");
  auto o = std::make_shared<Options>();
  add_model_option(*command, o->model);
  add_adapter_option(*command, o->adapter);
  command->add_option("--out", o->out, "The file; default: NAME.golden.safetensors");
  command->add_option("--forced-tokens", o->golden.forced_tokens, "Tokens of the forced text")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--greedy-tokens", o->golden.greedy_tokens, "Tokens after each of the five prompts")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->callback([o] { run(*o); });
}

}  // namespace tessera::cli
