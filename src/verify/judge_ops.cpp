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

template <class Name>
Families families_of(std::span<const OpError> ops, Name name_of) {
  Families families;
  for (std::size_t i = 0; i < ops.size(); ++i) families[name_of(ops[i])].push_back(i);
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

// Empty when its configuration is its like's, or costs nothing.
std::string odd_config(const OpError& op) {
  if (!op.usual_config) return {};
  const LocalError& e = op.error;
  const auto costs = [&](double error, double usual) {
    return error > kSmall && error > kConfigFactor * usual;
  };
  const auto tell = [&](std::string_view what, double error, double usual) {
    return fmt::format(
        "the arithmetic (fidelity, Dest) error{} is {:.4f} of the output's size with {}; with {}, "
        "as most ops like it have, it would be {:.4f}",
        what, error, describe(*op.config), describe(*op.usual_config), usual);
  };
  if (costs(e.arithmetic, op.usual_arithmetic)) return tell("", e.arithmetic, op.usual_arithmetic);
  if (costs(e.scatter, op.usual_scatter))
    return tell(", but for a factor of each row,", e.scatter, op.usual_scatter);
  return {};
}

// The configuration that more than half of them have.
std::optional<ComputeKernelConfig> usual_config(std::span<const OpError> ops,
                                                const std::vector<std::size_t>& members) {
  std::map<std::string, std::vector<std::size_t>> by_config;
  for (const std::size_t i : members) {
    if (ops[i].config) by_config[describe(*ops[i].config)].push_back(i);
  }
  for (const auto& [config, same] : by_config) {
    if (same.size() * 2 > members.size()) return ops[same.front()].config;
  }
  return {};
}

}  // namespace

void find_odd_configs(std::span<OpError> ops) {
  const Families on_shapes = families_of(ops, [](const OpError& op) { return op.mode + op.op + op.shapes; });
  for (const auto& [name, members] : families_of(ops, family_of)) {
    const bool few = members.size() < kPeers;
    for (const std::size_t i : members) {
      OpError& op = ops[i];
      if (!op.config || (few && op.layer >= 0)) continue;
      const auto& like = few ? on_shapes.at(op.mode + op.op + op.shapes) : members;
      if (like.size() < kPeers) continue;
      const auto usual = usual_config(ops, like);
      if (usual && describe(*usual) != describe(*op.config)) op.usual_config = usual;
    }
  }
}

std::optional<OutOfLine> first_out_of_line(std::span<OpError> ops, double threshold) {
  std::vector<std::string> reasons(ops.size());
  // Uncorrelated noise of that PCC.
  std::vector<ErrorLimits> limits(ops.size(), {std::sqrt(2 * (1 - threshold))});
  for (const auto& [name, members] : families_of(ops, family_of)) {
    const Peers peers(ops, members);
    for (const std::size_t i : members) {
      ops[i].median = peers.whole();
      reasons[i] = odd_config(ops[i]);
      if (!reasons[i].empty()) limits[i].scatter = std::max(ops[i].usual_scatter * kConfigFactor, kSmall);
      if (members.size() < kPeers) continue;
      limits[i].whole = std::max(peers.whole() * 1.25, kSmall);
      if (reasons[i].empty()) reasons[i] = peers.stands_out(ops[i]);
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
