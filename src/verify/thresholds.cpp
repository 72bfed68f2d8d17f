#include "verify/thresholds.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "util/error.hpp"

namespace tessera::verify {
namespace {

constexpr double kAnySize = std::numeric_limits<double>::max();

struct Entry {
  std::string_view name;
  double Thresholds::* value;
  double least, most;
};

constexpr Entry kEntries[] = {{"op", &Thresholds::op, -1, 1},
                              {"module", &Thresholds::module, -1, 1},
                              {"layer", &Thresholds::layer, -1, 1},
                              {"model", &Thresholds::model, -1, 1},
                              {"equivalence", &Thresholds::equivalence, -1, 1},
                              {"top1", &Thresholds::top1, 0, 100},
                              {"top5", &Thresholds::top5, 0, 100},
                              {"baseline_relative", &Thresholds::baseline_relative, 0, kAnySize},
                              {"baseline_margin", &Thresholds::baseline_margin, 0, kAnySize}};
// One that is left out here could be neither stated nor set.
static_assert(std::size(kEntries) * sizeof(double) == sizeof(Thresholds));

std::string names() {
  std::vector<std::string_view> all;
  for (const Entry& entry : kEntries) all.push_back(entry.name);
  return fmt::format("{}", fmt::join(all, ", "));
}

}  // namespace

Thresholds card_thresholds(const models::Precision& precision) {
  Thresholds bars;
  if (!is_block_float(precision.decoder.ff2)) return bars;
  // One for each op and module in tests/, one for a block in test_decoder.
  bars.op = bars.module = bars.layer = 0.99;
  // Decode and prefill are two fidelity groups: their results differ as two settings do.
  bars.equivalence = bars.layer;
  const bool performance = precision.decoder.ff1_ff3 == DataType::BFLOAT4_B;
  bars.model = performance ? 0.86 : 0.94;
  // PERF.md, the smallest model (Llama-3.2-1B, N150), with the half point that its CI allows.
  bars.top1 = performance ? 78.5 : 86.5;
  bars.top5 = performance ? 96.5 : 98.5;
  return bars;
}

std::vector<std::pair<std::string, double>> list_thresholds(const Thresholds& thresholds) {
  std::vector<std::pair<std::string, double>> list;
  for (const Entry& entry : kEntries) list.emplace_back(entry.name, thresholds.*entry.value);
  return list;
}

void set_threshold(Thresholds& thresholds, std::string_view name_and_value) {
  const std::size_t equals = name_and_value.find('=');
  const std::string_view name = name_and_value.substr(0, equals);
  const auto* entry = std::ranges::find(kEntries, name, &Entry::name);
  check(equals != name_and_value.npos && entry != std::end(kEntries),
        "--threshold {}: NAME=VALUE expected with one of {}", name_and_value, names());
  const std::string_view text = name_and_value.substr(equals + 1);
  double value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  // Written so that a NaN fails.
  check(parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size() && value >= entry->least &&
            value <= entry->most,
        "--threshold {}: a number {} expected", name_and_value,
        entry->most == kAnySize ? "of 0 or more" : fmt::format("from {} to {}", entry->least, entry->most));
  thresholds.*entry->value = value;
}

}  // namespace tessera::verify
