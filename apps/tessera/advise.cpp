#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "io/catalogue.hpp"
#include "models/load_model.hpp"
#include "options.hpp"
#include "output.hpp"
#include "text/tokenizer.hpp"
#include "util/error.hpp"
#include "util/file.hpp"
#include "util/progress.hpp"
#include "verify/advise/advise_output.hpp"
#include "verify/session.hpp"

namespace tessera::cli {
namespace {

struct Options {
  std::string model, text, out, html;
  int tokens = 64;
  verify::AdviseOptions advise;
  bool no_layers = false, grid = false, json = false;
};

std::vector<std::int32_t> tokens_of(const Options& o, const io::Checkpoint& checkpoint) {
  const text::Tokenizer tokenizer(checkpoint.tokenizer());
  const std::string text = o.text.empty() ? std::string(verify::forced_text()) : read_text_file(o.text);
  std::vector<std::int32_t> ids = tokenizer.encode(text);
  int most = o.tokens;
  const int limit = checkpoint.config().max_position_embeddings;
  if (limit > 0) most = std::min(most, limit);
  ids.resize(std::min(ids.size(), static_cast<std::size_t>(most)));
  return ids;
}

// Asked before the model runs, so that no run is lost.
void check_writable(const std::string& file) {
  if (file.empty()) return;
  check(!std::filesystem::is_directory(file), "cannot write {}: it is a folder: give a file name", file);
  const AtomicFile writable(file);
}

int run(Options& o) {
  check_writable(o.out);
  check_writable(o.html);
  check(!o.grid || (o.out.empty() && o.html.empty()), "advise: --grid with --out or --html: it only prints");
  find_sheet(o.advise.device);
  const auto checkpoint = models::open_checkpoint(io::resolve_model(o.model));
  const std::vector<std::int32_t> ids = tokens_of(o, *checkpoint);
  std::unique_ptr<Progress> bar;
  const auto on_step = [&](int, int of) {
    if (!bar) bar = std::make_unique<Progress>("advise", of, "runs");
    bar->add(1);
  };
  if (o.grid) {
    const auto cells = verify::fidelity_grid(*checkpoint, ids, on_step);
    bar.reset();
    if (o.json) {
      write_json(grid_json(o.model, cells));
    } else {
      write_out(grid_text(o.model, cells));
    }
    return 0;
  }
  o.advise.layers = !o.no_layers;
  const verify::Advice advice =
      verify::advise(*checkpoint, plan::read_model_facts(o.model), ids, o.advise, on_step);
  bar.reset();
  if (!o.html.empty()) write_text_file(o.html, advice_html(advice));
  if (!o.out.empty() && advice.chosen)
    write_text_file(o.out, precision_file(advice.points[*advice.chosen].configuration, advice.layer_count));
  if (o.json) {
    write_json(advice_json(advice));
  } else {
    write_out(advice_text(advice));
  }
  return advice.chosen ? 0 : 1;
}

}  // namespace

void add_advise(CLI::App& app, int& exit_code) {
  auto* command =
      app.add_subcommand("advise", "Say what each group's precision costs, and find the best for a target");
  command->footer(
      "Examples:\n  tessera advise smollm2-135m --html advise.html\n"
      "  tessera advise smollm2-135m --target-top1 95 --out precision.json\n"
      "  tessera advise ./my-model --text story.txt --tokens 256 --target-kl 0.01 --json\n"
      "  tessera advise smollm2-135m --grid\n"
      "Every command takes the file as its precision, and so does TT-Transformers. Exit status: 0 a "
      "configuration "
      "meets the target, 1 none does (no --out is written), 2 it could not run.");
  auto o = std::make_shared<Options>();
  add_model_option(*command, o->model);
  command->add_option("--text", o->text, "A file with the text; default: prose that is built in")
      ->check(CLI::ExistingFile);
  command->add_option("--tokens", o->tokens, "Tokens of the text at most, that every figure rests on")
      ->check(CLI::Range(2, 1 << 20))
      ->capture_default_str();
  command->add_option("--target-top1", o->advise.target.top1, "Per cent of tokens that are the reference's")
      ->check(CLI::Range(0.0, 100.0));
  command
      ->add_option("--target-top5", o->advise.target.top5,
                   "Per cent of tokens that are among the reference's best five")
      ->check(CLI::Range(0.0, 100.0));
  command->add_option("--target-kl", o->advise.target.kl, "Mean KL divergence in nats, at most")
      ->check(CLI::NonNegativeNumber);
  command
      ->add_option("--device", o->advise.device,
                   "The spec sheet of the predictions, one of `tessera devices`")
      ->capture_default_str();
  command->add_option("--batch", o->advise.batch, "Users of the predictions")->capture_default_str();
  command->add_option("--context", o->advise.context,
                      "Positions a user of the predictions; default: 4096 or the model's limit");
  command->add_flag("--no-layers", o->no_layers, "Leave out the sensitivity layer by layer");
  command->add_option("--out", o->out,
                      "Write the chosen configuration, in TT-Transformers' JSON, to this file");
  command->add_option("--html", o->html, "Write the page to this file");
  command->add_flag("--grid", o->grid,
                    "Instead: one fidelity, weight dtype and Dest for the whole model, every combination");
  add_json_flag(*command, o->json);
  command->callback([o, &exit_code] {
    exit_code = 2;  // until there is a verdict
    exit_code = run(*o);
  });
}

}  // namespace tessera::cli
