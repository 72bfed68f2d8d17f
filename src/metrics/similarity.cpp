#include "metrics/similarity.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <vector>

namespace tessera::metrics {

double text_similarity(std::string_view a, std::string_view b) {
  constexpr std::size_t kMost = 4096;
  a = a.substr(0, kMost);
  b = b.substr(0, kMost);
  if (a.empty() && b.empty()) return 1;
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
    }
  }
  return 1.0 - static_cast<double>(row[b.size()]) / static_cast<double>(std::max(a.size(), b.size()));
}

int first_divergence(std::span<const std::int32_t> a, std::span<const std::int32_t> b) {
  const std::size_t n = std::min(a.size(), b.size());
  for (std::size_t i = 0; i < n; ++i) {
    if (a[i] != b[i]) return static_cast<int>(i);
  }
  return a.size() == b.size() ? -1 : static_cast<int>(n);
}

TextDefect text_defect(std::string_view text, std::span<const std::int32_t> tokens) {
  if (tokens.empty() || text.find_first_not_of(" \t\r\n") == std::string_view::npos)
    return {Defect::Nothing, "nothing was printed"};
  // U+FFFD is EF BF BD: bytes that are no text.
  std::size_t bad = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x20 && c != '\n' && c != '\t' && c != '\r') ++bad;
    if (text.substr(i).starts_with("\xEF\xBF\xBD")) bad += 3;
  }
  if (bad * 5 > text.size())
    return {Defect::Unprintable, fmt::format("{} of {} bytes are not printable", bad, text.size())};
  if (tokens.size() < 12) return {};
  // A phrase of up to eight tokens that fills the second half: greedy models loop, broken ones loop at once.
  for (std::size_t period = 1; period <= 8; ++period) {
    const std::size_t first = std::max(period, tokens.size() / 2);
    std::size_t repeats = 0;
    for (std::size_t i = first; i < tokens.size(); ++i) repeats += tokens[i] == tokens[i - period] ? 1 : 0;
    if (repeats * 10 >= (tokens.size() - first) * 9)
      return {Defect::Repetition, fmt::format("{} tokens repeat over and over", period)};
  }
  std::map<std::int32_t, std::size_t> counts;
  for (const auto token : tokens) ++counts[token];
  const auto most = std::ranges::max_element(counts, {}, [](const auto& entry) { return entry.second; });
  if (most->second * 2 > tokens.size()) {
    return {Defect::Repetition,
            fmt::format("token {} is {} of {} tokens", most->first, most->second, tokens.size())};
  }
  return {};
}

}  // namespace tessera::metrics
