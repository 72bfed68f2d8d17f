#include "comm/meta/meta_group.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "util/error.hpp"

namespace tessera::comm {
namespace {

class MetaGroup final : public Group {
 public:
  MetaGroup(int rank, std::vector<int> members) : Group(rank, std::move(members)) {}

  std::shared_ptr<Group> subgroup(const std::vector<int>& ranks) override {
    const auto at = std::ranges::find(ranks, rank());
    check(at != ranks.end(), "subgroup: {}: this is rank {}", name_ranks(ranks), rank());
    std::vector<int> chosen;
    chosen.reserve(ranks.size());
    for (const int r : ranks) chosen.push_back(members().at(static_cast<std::size_t>(r)));
    return std::make_shared<MetaGroup>(static_cast<int>(at - ranks.begin()), std::move(chosen));
  }
  void abort(std::string_view) noexcept override {}

  void exchange(const Exchange&) override {
    fail_user("a group of the meta engine has no data to exchange: use another engine");
  }
};

}  // namespace

std::shared_ptr<Group> meta_group(int size, int rank) {
  check(size >= 1 && rank >= 0 && rank < size, "meta group: rank {} of {}: 0 <= rank < size expected", rank,
        size);
  std::vector<int> members(static_cast<std::size_t>(size));
  std::iota(members.begin(), members.end(), 0);
  return std::make_shared<MetaGroup>(rank, std::move(members));
}

}  // namespace tessera::comm
