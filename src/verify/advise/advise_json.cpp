#include <nlohmann/json.hpp>

#include "verify/advise/advise_output.hpp"
#include "verify/advise/front.hpp"

namespace tessera::verify {
namespace {

using Json = nlohmann::ordered_json;

Json score_json(const Score& s) {
  return {{"tokens", s.tokens},         {"kl", s.kl},  {"top1", s.top1}, {"top5", s.top5},
          {"perplexity", s.perplexity}, {"pcc", s.pcc}};
}

Json cost_json(const Cost& c) {
  return {{"weights_bytes", c.weights_bytes},
          {"needed_bytes", c.needed_bytes},
          {"decode_tok_s_user", c.decode_tok_s},
          {"ttft_ms", c.ttft_ms}};
}

Json setting_json(const Setting& s) {
  return {{"dtype", s.dtype ? Json(to_string(*s.dtype)) : Json()},
          {"fidelity", s.fidelity.empty() ? Json() : Json(s.fidelity)}};
}

Json configuration_json(const Configuration& c) {
  Json json;
  for (std::size_t i = 0; i < kGroups; ++i)
    json[std::string(to_string(static_cast<Group>(i)))] = setting_json(c.settings[i]);
  return json;
}

Json exceptions_json(const Configuration& c) {
  Json json = Json::array();
  for (const auto& [cell, setting] : c.exceptions) {
    Json row{{"group", to_string(cell.group)}, {"layer", cell.layer}};
    row.update(setting_json(setting));
    json.push_back(std::move(row));
  }
  return json;
}

Json point_json(const Point& p) {
  Json json{{"name", p.name}, {"engine", "exact"}, {"on_front", p.on_front}};
  json.update(score_json(p.score));
  json.update(cost_json(p.cost));
  json["groups"] = configuration_json(p.configuration);
  json["layers"] = exceptions_json(p.configuration);
  return json;
}

Json target_json(const Target& t) {
  Json json = Json::object();
  if (t.top1) json["top1"] = *t.top1;
  if (t.top5) json["top5"] = *t.top5;
  if (t.kl) json["kl"] = *t.kl;
  return json;
}

}  // namespace

Json advice_json(const Advice& a) {
  Json groups = Json::array(), layers = Json::array(), points = Json::array();
  for (const Sensitivity& row : a.groups) {
    Json json{{"group", to_string(row.group)}};
    json.update(setting_json(shown_setting(row)));
    json["engine"] = row.engine;
    json.update(score_json(row.score));
    json["added_kl"] = row.added_kl;
    json.update(cost_json(row.cost));
    groups.push_back(std::move(json));
  }
  for (const LayerSensitivity& cell : a.layers)
    layers.push_back({{"group", to_string(cell.group)},
                      {"layer", cell.layer},
                      {"dtype", "bfloat4_b"},
                      {"engine", "fast"},
                      {"tokens", a.tokens},
                      {"added_kl", cell.added_kl}});
  for (const Point& p : a.points) points.push_back(point_json(p));
  return {{"model", a.model},
          {"device", a.device},
          {"batch", a.batch},
          {"context", a.context},
          {"tokens", a.tokens},
          {"reference", {{"engine", "ref"}, {"precision", "fp32"}, {"perplexity", a.reference_perplexity}}},
          {"base", {{"exact", score_json(a.exact_base)}, {"fast", score_json(a.fast_base)}}},
          {"groups", groups},
          {"layers", layers},
          {"points", points},
          {"target", target_json(a.target)},
          {"met", a.chosen.has_value()},
          {"chosen", a.chosen ? point_json(a.points[*a.chosen]) : Json()},
          {"nearest", a.chosen ? Json() : point_json(a.points[nearest(a.points, a.target)])},
          {"decode", score_json(a.answer_decode)},
          {"verdict", verdict_line(a)}};
}

Json grid_json(const std::string& model, const std::vector<GridCell>& cells) {
  Json rows = Json::array();
  for (const GridCell& cell : cells) {
    Json json{{"weights", to_string(cell.weights)},
              {"fidelity", fidelity_name(cell.fidelity)},
              {"dest", cell.fp32_dest ? "float32" : "bfloat16"}};
    json.update(score_json(cell.score));
    rows.push_back(std::move(json));
  }
  return {{"model", model}, {"engine", "exact"}, {"grid", rows}};
}

}  // namespace tessera::verify
