#include "verify/advise/mixtures.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace tessera::verify {
namespace {

// Below this a difference of KL is rounding that fell otherwise.
constexpr double kLeastKl = 1e-5;

const Cost& cost_of(const std::vector<Sensitivity>& rows, Group group, DataType dtype) {
  return std::ranges::find_if(
             rows, [&](const Sensitivity& row) { return row.group == group && row.setting.dtype == dtype; })
      ->cost;
}

}  // namespace

Configuration mixture_base() {
  Configuration c = most_precise_configuration();
  for (const Group group : kLayerGroups) c[group] = ladder(group)[1];
  c[Group::KvCache] = ladder(Group::KvCache).back();
  return c;
}

std::vector<Cell> cheapest_first(const std::vector<Sensitivity>& groups,
                                 const std::vector<LayerSensitivity>& layers, int layer_count) {
  const auto worth = [&](const LayerSensitivity& cell) {
    const Cost& before = cost_of(groups, cell.group, DataType::BFLOAT8_B);
    const Cost& after = cost_of(groups, cell.group, DataType::BFLOAT4_B);
    const double time = 1 - before.decode_tok_s / after.decode_tok_s;
    const double memory =
        1 - static_cast<double>(after.needed_bytes) / static_cast<double>(before.needed_bytes);
    return (time + memory) / layer_count / std::max(cell.added_kl, kLeastKl);
  };
  // By worth, then as they came. Clang refuses std::stable_sort of libstdc++ 12, whose buffer is deprecated.
  std::vector<std::pair<double, std::size_t>> order;
  order.reserve(layers.size());
  for (const LayerSensitivity& cell : layers) order.emplace_back(-worth(cell), order.size());
  std::ranges::sort(order);
  std::vector<Cell> cells;
  cells.reserve(order.size());
  for (const auto& [cost, i] : order) cells.push_back({layers[i].group, layers[i].layer});
  return cells;
}

Configuration mixture(const std::vector<Cell>& cells, std::size_t count) {
  Configuration c = mixture_base();
  for (std::size_t i = 0; i < count; ++i) c.exceptions[cells[i]] = smallest(cells[i].group);
  return c;
}

void search_mixtures(std::size_t cells, const std::function<bool(std::size_t)>& meets) {
  std::vector<std::size_t> counts;
  for (std::size_t i = 1; i <= kEvenMixtures; ++i) {
    const std::size_t count = i * cells / (kEvenMixtures + 1);
    if (count > 0 && (counts.empty() || count > counts.back())) counts.push_back(count);
  }
  std::size_t met = 0, next = cells;
  for (const std::size_t count : counts) {
    if (meets(count)) {
      met = count;
      next = cells;
    } else if (next == cells) {
      next = count;
    }
  }
  for (int i = 0; i < kMixtureHalvings && next > met + 1; ++i) {
    const std::size_t middle = met + (next - met) / 2;
    (meets(middle) ? met : next) = middle;
  }
}

}  // namespace tessera::verify
