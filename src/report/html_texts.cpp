// Generated text beside the reference's, with the place where they part.
#include <fmt/format.h>

#include <algorithm>

#include "report/html_sections.hpp"
#include "util/utf8.hpp"

namespace tessera::report {
namespace {

// Bytes that two texts share at their start, in whole characters.
std::size_t common_start(std::string_view a, std::string_view b) {
  std::size_t shared = 0;
  while (shared < a.size() && shared < b.size()) {
    const std::size_t size = std::max<std::size_t>(character_bytes(a.substr(shared)), 1);
    if (a.substr(shared, size) != b.substr(shared, size)) break;
    shared += size;
  }
  return shared;
}

void column(Html& html, std::string_view title, std::string_view text, std::size_t shared) {
  const auto side = html.open("div");
  html.element("h4", title);
  const auto block = html.open("pre");
  if (text.empty()) html.element("span", "(nothing)", {{"class", "absent"}});
  html.text(text.substr(0, shared));
  if (shared < text.size()) html.element("span", text.substr(shared), {{"class", "parted"}});
}

std::string outcome(const Generation& g) {
  if (g.first_divergence < 0) return fmt::format("equal, {} tokens", g.tokens.size());
  return fmt::format("parts at token {} of {}, similarity {:.2f}", g.first_divergence, g.tokens.size(),
                     g.similarity);
}

}  // namespace

void texts_section(Html& html, const BringupReport& r) {
  const auto section = html.open("section", {{"id", "texts"}});
  html.element("h2", "Generated text");
  if (r.generations.empty()) return not_run(html, "generated text", 4);
  for (const Generation& g : r.generations) {
    {
      const auto title = html.open("h3", {{"class", "prompt"}});
      html.text(g.prompt);
      html.element("small", fmt::format(" {}, prompt by {}: {}", g.chat ? "as a chat" : "continued", g.mode,
                                        outcome(g)));
    }
    if (!g.garbage.empty()) html.element("p", g.garbage, {{"class", "reason"}});
    const std::size_t shared = common_start(g.text, g.reference_text);
    const auto pair = html.open("div", {{"class", "pair"}});
    column(html, "device", g.text, shared);
    column(html, "reference", g.reference_text, shared);
  }
}

}  // namespace tessera::report
