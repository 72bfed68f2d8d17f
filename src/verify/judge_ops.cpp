#include "verify/judge_ops.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

namespace tessera::verify {
namespace {

// Below this a difference between layers is no fault: bfloat16 alone rounds by 0.0017 on the average.
constexpr double kSmall = 2e-3;
// A median of fewer means nothing.
constexpr std::size_t kPeers = 4;

// One op in the layers of SmolLM2-135M: storage differs by up to 1.44 from the median (weights of another
// shape), arithmetic by 1.46 and, for attention, 1.81. A dtype or an fp32 Dest less shows more.
constexpr double kStorageFactor = 2;
constexpr double kArithmeticFactor = 1.6;

// Another configuration than the other layers' is no fault unless it costs this much.
constexpr double kConfigFactor = 1.1;

// "layers.7.mlp" is a peer of "layers.3.mlp".
std::string family_of(const OpError& op) {
  std::string path = op.path;
  if (op.layer >= 0) path.replace(0, fmt::format("layers.{}", op.layer).size(), "layers.*");
  return op.mode + " " + path + " " + op.op;
}

using Families = std::map<std::string, std::vector<std::size_t>>;

Families families_of(std::span<const OpError> ops) {
  Families families;
  for (std::size_t i = 0; i < ops.size(); ++i) families[family_of(ops[i])].push_back(i);
  return families;
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

// How much arithmetic loses beyond what the inputs and the output's dtype cost at best: attention over few
// keys, say, has large errors in any configuration.
double excess_of(const OpError& op) {
  return op.error.arithmetic / std::max(op.error.least, 1e-12);
}

// An op among the same one in other layers.
class Peers {
 public:
  Peers(std::span<const OpError> ops, const std::vector<std::size_t>& members) {
    std::vector<double> storage, arithmetic, excess, whole;
    for (const std::size_t i : members) {
      storage.push_back(ops[i].error.storage);
      arithmetic.push_back(ops[i].error.arithmetic);
      excess.push_back(excess_of(ops[i]));
      whole.push_back(ops[i].error.whole);
    }
    count_ = members.size();
    storage_ = median(std::move(storage));
    arithmetic_ = median(std::move(arithmetic));
    excess_ = median(std::move(excess));
    whole_ = median(std::move(whole));
  }

  double whole() const { return whole_; }

  /// Empty when the op is in line.
  std::string stands_out(const OpError& op) const {
    const LocalError& e = op.error;
    if (op.usual_config && e.arithmetic > kSmall && e.arithmetic > kConfigFactor * op.usual_arithmetic)
      return fmt::format(
          "the arithmetic (fidelity, Dest) error is {:.4f} of the output's size with {}; with {}, as "
          "in most of {} layers, it would be {:.4f}",
          e.arithmetic, verify::describe(*op.config), verify::describe(*op.usual_config), count_,
          op.usual_arithmetic);
    if (e.storage > kSmall && e.storage > kStorageFactor * storage_)
      return describe("storage (dtype)", e.storage, storage_);
    if (e.arithmetic > kSmall && e.arithmetic > kArithmeticFactor * arithmetic_ &&
        excess_of(op) > kArithmeticFactor * excess_)
      return describe("arithmetic (fidelity, Dest)", e.arithmetic, arithmetic_);
    return {};
  }

 private:
  std::string describe(std::string_view what, double error, double usual) const {
    return fmt::format("the {} error is {:.4f} of the output's size, {:.4f} in the median of {} layers", what,
                       error, usual, count_);
  }

  std::size_t count_ = 0;
  double storage_ = 0, arithmetic_ = 0, excess_ = 0, whole_ = 0;
};

}  // namespace

void find_odd_configs(std::span<OpError> ops) {
  for (const auto& [name, members] : families_of(ops)) {
    if (members.size() < kPeers) continue;
    std::map<std::string, std::vector<std::size_t>> by_config;
    for (const std::size_t i : members) {
      if (ops[i].config) by_config[describe(*ops[i].config)].push_back(i);
    }
    const auto most = std::ranges::max_element(by_config, {}, [](const auto& e) { return e.second.size(); });
    if (most == by_config.end() || most->second.size() * 2 <= members.size()) continue;
    for (const auto& [config, odd] : by_config) {
      if (config == most->first) continue;
      for (const std::size_t i : odd) ops[i].usual_config = ops[most->second.front()].config;
    }
  }
}

std::optional<OutOfLine> first_out_of_line(std::span<OpError> ops, double threshold) {
  const Families families = families_of(ops);
  std::vector<std::string> reasons(ops.size());
  // Uncorrelated noise of that PCC.
  std::vector<double> limits(ops.size(), std::sqrt(2 * (1 - threshold)));
  for (const auto& [name, members] : families) {
    const Peers peers(ops, members);
    for (const std::size_t i : members) {
      ops[i].median = peers.whole();
      if (members.size() < kPeers) continue;
      limits[i] = std::max(peers.whole() * 1.25, kSmall);
      reasons[i] = peers.stands_out(ops[i]);
    }
  }
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const metrics::Comparison& total = ops[i].error.total;
    if (!metrics::passes(total, threshold))
      reasons[i] = fmt::format("PCC {:.6f}, needs {}{}{}", total.pcc, threshold,
                               total.remark().empty() ? "" : "; ", total.remark());
    if (!reasons[i].empty()) return OutOfLine{i, reasons[i], limits[i]};
  }
  return {};
}

}  // namespace tessera::verify
