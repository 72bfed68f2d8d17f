#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "io/catalogue.hpp"
#include "models/ladder_results.hpp"
#include "models/registry.hpp"
#include "options.hpp"
#include "output.hpp"

namespace tessera::cli {
namespace {

using Json = nlohmann::ordered_json;

bool is_supported(std::string_view architecture) {
  return std::ranges::any_of(models::architectures(),
                             [&](const auto* known) { return known->name() == architecture; });
}

Json models_json() {
  Json json{{"models", Json::array()}, {"architectures", Json::array()}};
  for (const auto& entry : io::catalogue()) {
    const auto path = io::find_fetched(entry);
    json["models"].push_back({{"name", entry.name},
                              {"architecture", entry.architecture},
                              {"supported", is_supported(entry.architecture)},
                              {"licence", entry.licence},
                              {"path", path ? Json(path->string()) : Json()}});
  }
  for (const auto* known : models::architectures()) {
    Json tried = Json::array();
    for (const models::LadderResult& result : models::ladder_results(known->name())) {
      tried.push_back({{"name", result.name},
                       {"tiny", result.tiny},
                       {"pass", result.pass},
                       {"fail", result.fail},
                       {"skipped", result.skipped}});
    }
    json["architectures"].push_back(
        {{"name", known->name()}, {"family", known->family}, {"tried", std::move(tried)}});
  }
  return json;
}

std::string models_text() {
  std::string text;
  for (const auto& entry : io::catalogue()) {
    const auto path = io::find_fetched(entry);
    text += fmt::format("{:<20} {:<20} {:<20} {:<16} {}\n", entry.name, entry.licence, entry.architecture,
                        is_supported(entry.architecture) ? "supported" : "not yet supported",
                        path ? path->string() : "not fetched");
  }
  text += "\nsupported architectures, and the checkpoints that were brought up\n";
  for (const auto* known : models::architectures()) {
    text += fmt::format("  {:<22} {}\n", known->name(), known->family);
    for (const models::LadderResult& result : models::ladder_results(known->name()))
      text += fmt::format("  {:<22}   {}\n", "", to_string(result));
  }
  return text;
}

}  // namespace

void add_models(CLI::App& app) {
  auto* command = app.add_subcommand("models", "List the catalogue and the supported architectures");
  command->footer("Examples:\n  tessera models\n  tessera models --json");
  auto json = std::make_shared<bool>(false);
  add_json_flag(*command, *json);
  command->callback([json] {
    if (*json) return write_json(models_json());
    write_out(models_text());
  });
}

}  // namespace tessera::cli
