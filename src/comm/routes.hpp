#pragma once
// Collectives over neighbours: on cards that are wired as a line or a ring, a rank reaches the next ones
// only. Every step is an exchange with one neighbour on each side; sums are formed on the way.
#include <cstdint>
#include <span>
#include <vector>

#include "comm/group.hpp"

namespace tessera::comm {

enum class Wiring : std::uint8_t { Line, Ring };

/// Where each rank's block of a buffer begins and ends: parts[r] is rank r's. Of one length or not.
template <class T>
using Parts = std::vector<std::span<T>>;

/// parts[rank] of every rank arrives in all the others: n - 1 steps on a line, n / 2 on a ring, both ways at
/// once. Over the busiest link go n - 1 blocks each way on a line, n / 2 on a ring.
void gather_along(Group& group, Wiring wiring, const Parts<std::byte>& parts);

/// parts[rank] becomes the sum of that block over the ranks; the other parts are overwritten. The same steps
/// backwards: a block's sum grows on the way to its rank. The sum's order is the wiring's, so another one may
/// give other last bits, but a wiring always gives the same.
void reduce_along(Group& group, Wiring wiring, const Parts<float>& parts);

}  // namespace tessera::comm
