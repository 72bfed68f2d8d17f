#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "options.hpp"
#include "output.hpp"
#include "verify/compare_files.hpp"

namespace tessera::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
  std::string a, b;
  double threshold = 0.999;
  bool json = false;
};

Json figures(const verify::TensorComparison& t) {
  const metrics::Comparison& c = t.figures;
  return {{"pcc", c.pcc},     {"max_abs", c.max_abs}, {"rel_l2", c.rel_l2},  {"ulp_max", t.ulp_max},
          {"equal", c.equal}, {"shape", t.shape},     {"remark", c.remark()}};
}

Json tokens_json(const verify::TokenComparison& t) {
  Json json{
      {"name", t.name}, {"tokens", t.tokens}, {"same", t.same}, {"first_difference", t.first_difference}};
  if (t.in_top5 >= 0) {
    json["in_top5"] = t.in_top5;
  } else {
    json["unexplained"] = t.unexplained;
  }
  return json;
}

// The figures of the one tensor, or of the worst; of token lists alone there are none.
Json comparison_json(const verify::FileComparison& c, double threshold) {
  const verify::TensorComparison* worst = c.worst();
  Json json = worst != nullptr ? figures(*worst) : Json::object();
  json["equal"] = c.equal();
  if (worst != nullptr && !worst->name.empty()) json["worst"] = worst->name;
  json["pass"] = c.passes(threshold);
  json["threshold"] = threshold;
  if (c.tensors.size() == 1 && c.tokens.empty()) return json;
  json["tensors"] = Json::array();
  for (const auto& tensor : c.tensors) {
    Json entry{{"name", tensor.name}};
    entry.update(figures(tensor));
    json["tensors"].push_back(std::move(entry));
  }
  json["tokens"] = Json::array();
  for (const auto& tokens : c.tokens) json["tokens"].push_back(tokens_json(tokens));
  return json;
}

std::string comparison_text(const verify::FileComparison& c, double threshold) {
  std::string text;
  for (const auto& t : c.tensors) {
    const std::string remark = t.figures.remark();
    text += fmt::format("{:<22} PCC {:.9f}  max abs {:.3e}  relative L2 {:.3e}  {} ULP  {}{}\n",
                        t.name.empty() ? "tensor" : t.name, t.figures.pcc, t.figures.max_abs,
                        t.figures.rel_l2, t.ulp_max, t.figures.equal ? "equal" : "different",
                        remark.empty() ? "" : "  (" + remark + ")");
  }
  for (const auto& t : c.tokens) {
    text += fmt::format("{:<22} {} of {} tokens the same", t.name, t.same, t.tokens);
    if (t.in_top5 >= 0) text += fmt::format(", {} among the best five", t.in_top5);
    if (t.first_difference >= 0) text += fmt::format(", first difference at {}", t.first_difference);
    text += t.unexplained > 0 ? fmt::format(", {} at a clear margin\n", t.unexplained) : "\n";
  }
  const char* verdict = c.equal() ? "equal" : c.passes(threshold) ? "agree" : "differ";
  return text + fmt::format("{} (threshold {:g})\n", verdict, threshold);
}

}  // namespace

void add_compare(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("compare", "Compare two tensors or two golden files");
  command->footer(
      "Examples:\n  tessera compare mine.npy theirs.npy\n"
      "  tessera compare ref.golden.safetensors hf.golden.safetensors --json\n"
      "  tessera compare my.golden.safetensors Llama-3.2-1B.refpt --threshold 0.99\n"
      "Exit status: 0 equal or passing, 1 different, 2 cannot be compared.");
  auto o = std::make_shared<Options>();
  command->add_option("A", o->a, "An .npy tensor or a golden file")->required();
  command->add_option("B", o->b, "Another one; with a golden file also a .refpt of TT-Transformers")
      ->required();
  command->add_option("--threshold", o->threshold, "The PCC that passes")
      ->check(CLI::Range(-1.0, 1.0))
      ->capture_default_str();
  add_json_flag(*command, o->json);
  command->callback([o, &exit_code] {
    const verify::FileComparison result = verify::compare_files(o->a, o->b);
    exit_code = result.passes(o->threshold) ? 0 : 1;
    if (o->json) {
      write_json(comparison_json(result, o->threshold));
    } else {
      write_out(comparison_text(result, o->threshold));
    }
  });
}

}  // namespace tessera::cli
