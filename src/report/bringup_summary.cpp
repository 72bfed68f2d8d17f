#include "report/bringup_summary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "report/bringup_json.hpp"
#include "report/figures.hpp"
#include "report/verdict.hpp"
#include "report/visible_text.hpp"

namespace tessera::report {
namespace {

constexpr int kIndent = 13;  // width of "10  skipped  "

// Bytes that `n` characters of the text take.
std::size_t bytes_of(std::string_view text, int n) {
  std::size_t at = 0;
  while (at < text.size() && (n > 0 || (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80)) {
    n -= (static_cast<unsigned char>(text[at]) & 0xC0) != 0x80 ? 1 : 0;
    ++at;
  }
  return at;
}

// Words of one paragraph in lines of at most `width`; lines after the first stand `hang` further in; a word
// longer than a line is cut.
void append_wrapped(std::string& out, std::string_view paragraph, int width, int indent, int hang = 0) {
  int room = width - indent;
  std::string margin(static_cast<std::size_t>(indent), ' ');
  std::string line;
  const auto end_line = [&](std::string_view text) {
    out += margin;
    out += text;
    out += '\n';
    margin.resize(static_cast<std::size_t>(indent) + static_cast<std::size_t>(hang), ' ');
    room = width - indent - hang;
  };
  const auto flush = [&] {
    if (!line.empty()) end_line(line);
    line.clear();
  };
  while (!paragraph.empty()) {
    const std::size_t end = std::min(paragraph.find(' '), paragraph.size());
    std::string_view word = paragraph.substr(0, end);
    paragraph.remove_prefix(std::min(end + 1, paragraph.size()));
    if (word.empty()) continue;
    if (character_count(line) + 1 + character_count(word) > room) flush();
    while (character_count(word) > room) {
      const std::size_t cut = bytes_of(word, room);
      end_line(word.substr(0, cut));
      word.remove_prefix(cut);
    }
    if (!line.empty()) line += ' ';
    line += word;
  }
  flush();
}

// Text with line breaks of its own; an empty line stays one.
void append_text(std::string& out, std::string_view text, int width, int indent) {
  const std::string safe = visible_text(text);
  for (std::string_view rest = safe; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    if (end == 0) out += '\n';
    append_wrapped(out, rest.substr(0, end), width, indent);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
}

std::string paint(const std::string& text, const char* code, bool colour) {
  return colour ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : text;
}

const char* code_of(Status status) {
  if (status == Status::Pass) return "32";
  return status == Status::Fail ? "1;31" : "2";
}

void append_checklist(std::string& out, const BringupReport& r, const SummaryStyle& style) {
  for (const ChecklistItem& item : r.checklist) {
    const std::string status = fmt::format("{:<7}", to_string(item.status));
    out += fmt::format("{:>2}  {}  {}\n", item.item, paint(status, code_of(item.status), style.colour),
                       visible_text(item.title, Breaks::Show));
    append_text(out, item.reason, style.width, kIndent);
    append_text(out, item.evidence, style.width, kIndent);
  }
}

void append_figures(std::string& out, const BringupReport& r, const SummaryStyle& style) {
  for (const Accuracy& a : r.accuracy) {
    append_wrapped(out,
                   fmt::format("{} {} tokens: top-1 {}, top-5 {}, KL {}, logits PCC {}", a.tokens,
                               visible_text(a.text), percent_text(a.top1), percent_text(a.top5),
                               figure_text(a.kl_mean), pcc_text(a.final_pcc)),
                   style.width, 0, 2);
  }
  const Performance& p = r.performance;
  if (p.prefill_tok_s > 0 || p.decode_tok_s > 0) {
    append_wrapped(out,
                   fmt::format("speed: prefill {}, decode {}, first token after {}",
                               measured_text(p.prefill_tok_s, "tok/s"),
                               measured_text(p.decode_tok_s, "tok/s"), measured_text(p.ttft_ms, "ms")),
                   style.width, 0, 2);
  }
  for (const MeshWay& w : r.mesh.ways) {
    append_wrapped(out,
                   fmt::format("{}: prefill {}, decode {}, weights {} a chip", w.name,
                               measured_text(w.prefill_tok_s, "tok/s"),
                               measured_text(w.decode_tok_s, "tok/s"), bytes_text(w.weights_bytes)),
                   style.width, 0, 2);
  }
  for (const LeftOutWay& w : r.mesh.left_out)
    append_wrapped(out, fmt::format("{}: left out: {}", w.name, w.reason), style.width, 0, 2);
  if (r.memory.weights_bytes > 0) {
    std::string text = fmt::format("memory: weights {}, KV cache {}", bytes_text(r.memory.weights_bytes),
                                   bytes_text(r.memory.kv_bytes));
    if (r.memory.peak_bytes > 0) text += fmt::format(", peak {}", bytes_text(r.memory.peak_bytes));
    append_wrapped(out, text + fmt::format(" of {}", bytes_text(r.memory.device_capacity_bytes)), style.width,
                   0, 2);
  }
}

}  // namespace

std::string bringup_summary(const BringupReport& r, const std::string& html_path, SummaryStyle style) {
  style.width = std::clamp(style.width, 50, 100);
  std::string out = paint(visible_text(r.model, Breaks::Show), "1", style.colour);
  out += fmt::format(" on {} ({} engine, {} precision)\n\n", r.device, r.engine,
                     visible_text(r.precision, Breaks::Show));
  append_checklist(out, r, style);
  std::string figures;
  append_figures(figures, r, style);
  if (!figures.empty()) out += "\n" + figures;
  if (!r.generations.empty()) {
    out += '\n';
    append_text(out, "> " + r.generations.back().prompt, style.width, 0);
    append_text(out, r.generations.back().text, style.width, 0);
  }
  out += fmt::format("\n{} in {:.0f} s\n", paint(verdict_text(r), code_of(overall_status(r)), style.colour),
                     r.seconds);
  return out + fmt::format("report: {}\n", html_path);
}

}  // namespace tessera::report
