#include "comm/routes.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace tessera::comm {
namespace {

// One of the two ways round: where blocks go next, and how far.
struct Way {
  int step = 1;  // +1: to the next rank, -1: to the one before
  int hops = 0;  // that a block goes
};

// A line: as far as it reaches, both ways. A ring: half way round each.
std::array<Way, 2> ways_of(Wiring wiring, int ranks) {
  if (wiring == Wiring::Line) return {{{1, ranks - 1}, {-1, ranks - 1}}};
  return {{{1, ranks / 2}, {-1, (ranks - 1) / 2}}};
}

// The rank so many steps away; nothing beyond the end of a line.
std::optional<std::size_t> at(Wiring wiring, int rank, int offset, int ranks) {
  const int there = rank + offset;
  if (wiring == Wiring::Ring) return static_cast<std::size_t>(((there % ranks) + ranks) % ranks);
  if (there < 0 || there >= ranks) return std::nullopt;
  return static_cast<std::size_t>(there);
}

int longest(const std::array<Way, 2>& ways) {
  return std::max(ways[0].hops, ways[1].hops);
}

Exchange nothing(int ranks) {
  return {std::vector<std::span<const std::byte>>(static_cast<std::size_t>(ranks)),
          std::vector<std::span<std::byte>>(static_cast<std::size_t>(ranks)), false};
}

}  // namespace

// At hop h a rank hands on the block that came from h - 1 ranks back, and takes the one from h back.
void gather_along(Group& group, Wiring wiring, const Parts<std::byte>& parts) {
  const int n = group.size(), me = group.rank();
  const auto ways = ways_of(wiring, n);
  for (int hop = 1; hop <= longest(ways); ++hop) {
    Exchange step = nothing(n);
    for (const Way& way : ways) {
      if (hop > way.hops) continue;
      const auto to = at(wiring, me, way.step, n), from = at(wiring, me, -way.step, n);
      const auto mine = at(wiring, me, -way.step * (hop - 1), n), next = at(wiring, me, -way.step * hop, n);
      if (to && mine) step.send[*to] = parts[*mine];
      if (from && next) step.receive[*from] = parts[*next];
    }
    group.exchange(step);
  }
}

// The gather backwards: what a rank took at a hop it gives back there, with its own added, and the giver adds
// it up.
void reduce_along(Group& group, Wiring wiring, const Parts<float>& parts) {
  const int n = group.size(), me = group.rank();
  const auto ways = ways_of(wiring, n);
  std::array<std::vector<float>, 2> arrived;
  for (int hop = longest(ways); hop >= 1; --hop) {
    Exchange step = nothing(n);
    std::array<std::optional<std::size_t>, 2> sums;
    for (std::size_t w = 0; w < ways.size(); ++w) {
      const Way& way = ways[w];
      if (hop > way.hops) continue;
      const auto to = at(wiring, me, -way.step, n), from = at(wiring, me, way.step, n);
      const auto given = at(wiring, me, -way.step * hop, n), taken = at(wiring, me, -way.step * (hop - 1), n);
      if (to && given) step.send[*to] = std::as_bytes(parts[*given]);
      if (from && taken) {
        sums[w] = taken;
        arrived[w].resize(parts[*taken].size());
        step.receive[*from] = std::as_writable_bytes(std::span(arrived[w]));
      }
    }
    group.exchange(step);
    for (std::size_t w = 0; w < ways.size(); ++w) {
      if (!sums[w]) continue;
      const std::span<float> sum = parts[*sums[w]];
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += arrived[w][i];
    }
  }
}

}  // namespace tessera::comm
