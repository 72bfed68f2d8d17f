#include <fmt/format.h>

#include <filesystem>

#include "report/figures.hpp"
#include "report/page.hpp"
#include "verify/advise/advise_output.hpp"
#include "verify/advise/html_figures.hpp"

namespace tessera::verify {
namespace {

using report::Html;

std::string short_name(const std::string& model) {
  const std::filesystem::path path(model);
  return path.filename().empty() ? model : path.filename().string();
}

void number(Html& html, const std::string& text) {
  html.element("td", text, {{"class", "n"}});
}

void score_cells(Html& html, const Score& s) {
  number(html, fmt::format("{:.5f}", s.kl));
  number(html, report::percent_text(s.top1));
  number(html, report::percent_text(s.top5));
  number(html, fmt::format("{:.3f}", s.perplexity));
}

void cost_cells(Html& html, const Cost& c) {
  number(html, report::bytes_text(c.needed_bytes));
  number(html, fmt::format("{:.1f}", c.decode_tok_s));
}

void fact(Html& html, std::string_view name, const std::string& value) {
  const auto cell = html.open("div");
  html.element("dt", name);
  html.element("dd", value);
}

void header(Html& html, const Advice& a) {
  html.element("h1", fmt::format("Precision of {} on {}", short_name(a.model), a.device));
  {
    const auto verdict = html.open("p", {{"class", "verdict"}});
    html.element("span", a.chosen ? "met" : "not met", {{"class", a.chosen ? "mark pass" : "mark fail"}});
    html.text(fmt::format(" {}", verdict_line(a)));
  }
  html.element("p", decode_line(a));
  const auto list = html.open("dl", {{"class", "facts"}});
  fact(html, "text", fmt::format("{} tokens, teacher-forced in one prefill", a.tokens));
  fact(html, "reference", fmt::format("float32, perplexity {:.3f}", a.reference_perplexity));
  fact(html, "predictions", fmt::format("{}, batch {}, context {}", a.device, a.batch, a.context));
}

void front_section(Html& html, const Advice& a) {
  const auto section = html.open("section", {{"id", "front"}});
  html.element("h2", "Accuracy against speed");
  html.element(
      "p", fmt::format("Each point is a whole configuration on the exact engine, {} tokens. The front counts "
                       "memory and TTFT too: a point on it is beaten by no other in all of them together.",
                       a.tokens));
  front_figure(html, a);
  const auto frame = html.open("div", {{"class", "scroll"}});
  const auto table = html.open("table");
  report::table_head(html, {"front", "step", "KL", "top-1", "top-5", "perplexity", "memory", "t/s/user",
                            "TTFT ms", "FF1_FF3", "FF2", "WQKV", "WO", "KV_CACHE", "SDPA"});
  const auto body = html.open("tbody");
  for (std::size_t i = 0; i < a.points.size(); ++i) {
    const Point& p = a.points[i];
    const auto row = html.open("tr");
    html.element("td", a.chosen == i ? "chosen" : p.on_front ? "yes" : "");
    html.element("td", p.name, {{"class", "line"}});
    score_cells(html, p.score);
    cost_cells(html, p.cost);
    number(html, fmt::format("{:.1f}", p.cost.ttft_ms));
    for (const Group group : kSteppedGroups)
      html.element("td", describe(p.configuration, group), {{"class", "line"}});
  }
}

void groups_section(Html& html, const Advice& a) {
  const auto section = html.open("section", {{"id", "groups"}});
  html.element("h2", "One group at a time");
  html.element(
      "p", fmt::format("All else is bfloat16 at HIFI4 (the LM head BFP8 at HIFI2_FP16). Added is over the KL "
                       "of that on the same engine: exact {:.5f}, fast {:.5f}. Rows on the fast engine show "
                       "what the storage alone costs. {} tokens each.",
                       a.exact_base.kl, a.fast_base.kl, a.tokens));
  const auto frame = html.open("div", {{"class", "scroll"}});
  const auto table = html.open("table");
  report::table_head(html, {"group", "setting", "engine", "KL", "top-1", "top-5", "perplexity", "memory",
                            "t/s/user", "added KL"});
  const auto body = html.open("tbody");
  for (const Sensitivity& s : a.groups) {
    const auto row = html.open("tr");
    html.element("td", to_string(s.group));
    html.element("td", describe(shown_setting(s)));
    html.element("td", s.engine);
    score_cells(html, s.score);
    cost_cells(html, s.cost);
    number(html, fmt::format("{:+.5f}", s.added_kl));
  }
}

void layers_section(Html& html, const Advice& a) {
  if (a.layers.empty()) return;
  const auto section = html.open("section", {{"id", "layers"}});
  html.element("h2", "Layer by layer");
  html.element(
      "p",
      fmt::format("Added KL with one group of one layer in bfloat4_b, fast engine, {} tokens; the colour "
                  "is its logarithm over three decades.",
                  a.tokens));
  layers_figure(html, a);
}

constexpr std::string_view kStyle = R"(
.plot circle.point { fill: var(--hue); fill-opacity: 0.75; stroke: var(--ground); }
.plot circle.chosen { fill: none; stroke: var(--ink); stroke-width: 2; }
.plot rect.heat { fill: var(--fail); }
)";

}  // namespace

std::string advice_html(const Advice& a) {
  Html body;
  header(body, a);
  front_section(body, a);
  groups_section(body, a);
  layers_section(body, a);
  return report::still_page(fmt::format("{}: precision", short_name(a.model)), kStyle, body.str());
}

}  // namespace tessera::verify
