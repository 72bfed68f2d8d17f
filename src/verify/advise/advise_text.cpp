#include <fmt/format.h>

#include "report/figures.hpp"
#include "verify/advise/advise_output.hpp"
#include "verify/advise/front.hpp"

namespace tessera::verify {
namespace {

std::string score_text(const Score& s) {
  return fmt::format("{:>9.5f} {:>6.1f} {:>6.1f} {:>9.3f}", s.kl, s.top1, s.top5, s.perplexity);
}

std::string groups_text(const Advice& a) {
  std::string text = fmt::format(
      "One group at a time, {} tokens. Added is the KL over that of the most precise configuration on the "
      "same "
      "engine\n(exact {:.5f}, fast {:.5f}).\n\n  {:<11} {:<16} {:<6} {:>9} {:>6} {:>6} {:>9} {:>9}\n",
      a.tokens, a.exact_base.kl, a.fast_base.kl, "group", "setting", "engine", "KL", "top-1", "top-5",
      "perplex.", "added");
  for (const Sensitivity& row : a.groups)
    text += fmt::format("  {:<11} {:<16} {:<6} {} {:>9.5f}\n", to_string(row.group),
                        describe(shown_setting(row)), row.engine, score_text(row.score), row.added_kl);
  return text;
}

std::string points_text(const Advice& a) {
  std::string text = fmt::format(
      "Whole configurations, exact engine, {} tokens; memory and speed predicted for {}, batch {}, context "
      "{}.\n\n"
      "  {:<5} {:<42} {:>9} {:>6} {:>6} {:>9} {:>12} {:>7} {:>8}\n",
      a.tokens, a.device, a.batch, a.context, "front", "step", "KL", "top-1", "top-5", "perplex.", "memory",
      "t/s/u", "TTFT ms");
  for (const Point& p : a.points)
    text += fmt::format("  {:<5} {:<42} {} {:>12} {:>7.1f} {:>8.1f}\n", p.on_front ? "*" : "", p.name,
                        score_text(p.score), report::bytes_text(p.cost.needed_bytes), p.cost.decode_tok_s,
                        p.cost.ttft_ms);
  return text;
}

std::string settings_text(const Configuration& c) {
  std::string text;
  for (std::size_t i = 0; i < kGroups; ++i)
    text +=
        fmt::format("  {:<11} {}\n", to_string(static_cast<Group>(i)), describe(c, static_cast<Group>(i)));
  return text;
}

}  // namespace

Setting shown_setting(const Sensitivity& row) {
  return row.engine == "fast" ? Setting{row.setting.dtype, ""} : row.setting;
}

std::string verdict_line(const Advice& a) {
  const Point& p = a.points[a.chosen.value_or(nearest(a.points, a.target))];
  const std::string figures =
      fmt::format("\"{}\", KL {:.5f}, top-1 {:.1f} %, top-5 {:.1f} %, {:.1f} t/s/user, over {} tokens",
                  p.name, p.score.kl, p.score.top1, p.score.top5, p.cost.decode_tok_s, p.score.tokens);
  if (a.chosen) return fmt::format("The quickest with {}: {}", describe(a.target), figures);
  return fmt::format("No configuration reaches {}: nearest is {}", describe(a.target), figures);
}

std::string decode_line(const Advice& a) {
  const Score& s = a.answer_decode;
  return fmt::format("The same one token at a time (decode): KL {:.5f}, top-1 {:.1f} %, top-5 {:.1f} %", s.kl,
                     s.top1, s.top5);
}

std::string advice_text(const Advice& a) {
  return fmt::format(
      "{}: reference float32 (ref engine), perplexity {:.3f} over {} tokens\n\n{}\n{}\n{}\n{}\n{}", a.model,
      a.reference_perplexity, a.tokens, groups_text(a), points_text(a), verdict_line(a), decode_line(a),
      a.chosen ? settings_text(a.points[*a.chosen].configuration) : "");
}

std::string grid_text(const std::string& model, const std::vector<GridCell>& cells) {
  std::string text = fmt::format(
      "{} on the exact engine against float32, {} tokens\n\n"
      "| weights | fidelity | Dest | PCC | KL | top-1 % | top-5 % | perplexity "
      "|\n|---|---|---|---|---|---|---|---|\n",
      model, cells.empty() ? 0 : cells.front().score.tokens);
  for (const GridCell& c : cells)
    text += fmt::format("| {} | {} | {} | {:.6f} | {:.5f} | {:.1f} | {:.1f} | {:.3f} |\n",
                        to_string(c.weights), fidelity_name(c.fidelity), c.fp32_dest ? "fp32" : "16-bit",
                        c.score.pcc, c.score.kl, c.score.top1, c.score.top5, c.score.perplexity);
  return text;
}

}  // namespace tessera::verify
