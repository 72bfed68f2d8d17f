#include "models/ladder_results.hpp"

#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

namespace tessera::models {

std::vector<LadderResult> ladder_results(std::string_view architecture) {
  static const auto document = nlohmann::json::parse(ladder_results_json());
  std::vector<LadderResult> results;
  for (const char* kind : {"real", "tiny"}) {
    for (const auto& item : document.at(kind)) {
      if (item.at("architecture") != architecture) continue;
      results.push_back({item.at("name"), item.at("architecture"), std::string_view(kind) == "tiny",
                         item.at("pass"), item.at("fail"), item.at("skipped")});
    }
  }
  return results;
}

std::string to_string(const LadderResult& result) {
  const std::size_t items = result.pass.size() + result.fail.size() + result.skipped.size();
  std::string text = fmt::format("{}{}: {} of {} items pass", result.name, result.tiny ? " (tiny)" : "",
                                 result.pass.size(), items);
  if (!result.fail.empty()) text += fmt::format(", {} fail", fmt::join(result.fail, " "));
  if (!result.skipped.empty()) text += fmt::format(", {} skipped", fmt::join(result.skipped, " "));
  return text;
}

}  // namespace tessera::models
