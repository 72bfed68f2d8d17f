#include <memory>
#include <nlohmann/json.hpp>

#include "comm/mpi/mpi_world.hpp"
#include "commands.hpp"
#include "generate/text_logits.hpp"
#include "options.hpp"
#include "output.hpp"
#include "util/file.hpp"

namespace tessera::cli {
namespace {

struct Options {
  generate::ModelChoice choice;
  generate::TextLogitsOptions logits;
  std::string file;
  bool json = false;
};

}  // namespace

void add_logits(CLI::App& app) {
  auto* command = app.add_subcommand("logits", "Write the logits after each token of a text");
  command->footer(
      "Examples:\n  tessera logits smollm2-135m --text story.txt --out ours.npy\n"
      "  tessera logits smollm2-135m --text story.txt --engine ref --precision fp32 --out reference.npy\n"
      "The file is float32 [tokens, vocabulary]; two of them go to `tessera compare`.");
  auto o = std::make_shared<Options>();
  add_model_choice(*command, o->choice);
  add_mesh_option(*command, o->choice.mesh);
  command->add_option("--text", o->file, "A file with the text")->required()->check(CLI::ExistingFile);
  command->add_option("-n,--tokens", o->logits.tokens, "Tokens of the text at most")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--out", o->logits.out, "The .npy file")->required();
  add_json_flag(*command, o->json);
  command->callback([o] {
    o->logits.text = read_text_file(o->file);
    const auto tokens = generate::write_text_logits(o->choice, o->logits);
    if (comm::launched_rank() > 0) return;
    if (!o->json) return write_out(o->logits.out.string() + "\n");
    write_json({{"model", o->choice.model}, {"out", o->logits.out.string()}, {"tokens", tokens}});
  });
}

}  // namespace tessera::cli
