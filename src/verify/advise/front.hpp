#pragma once
// Which of the measured configurations are worth having.
#include "verify/advise/advise.hpp"

namespace tessera::verify {

/// `a` is nowhere worse than `b` (KL, decode speed, time to the first token, memory) and somewhere better.
bool dominates(const Point& a, const Point& b);

/// Sets on_front where nothing dominates.
void mark_front(std::vector<Point>& points);

/// The point that meets the target and decodes fastest, of equally quick ones the smallest, then that with
/// the first token soonest, then the most accurate; empty when none does.
std::optional<std::size_t> choose(const std::vector<Point>& points, const Target& target);

/// The point that comes nearest to a target that none meets: by KL where one is asked for, else by top-1,
/// else by top-5. `points` is not empty.
std::size_t nearest(const std::vector<Point>& points, const Target& target);

}  // namespace tessera::verify
