#include "plan/limits.hpp"

#include <algorithm>

namespace tessera::plan {
namespace {

constexpr int kPage = 32;

}  // namespace

std::int64_t chip_capacity(const SpecSheet& chip) {
  return MemoryAccount(chip, false).capacity();
}

int max_context(const ModelFacts& facts, const ChipPart& part, const models::Precision& precision,
                const SpecSheet& chip, int batch, int chunk) {
  const std::int64_t capacity = chip_capacity(chip);
  const auto needed = [&](int context) {
    return run_memory(facts, part, precision, chip, {.batch = batch, .context = context, .chunk = chunk})
        .needed;
  };
  const int limit = facts.config.max_position_embeddings;
  // Two runs bracket the answer; bytes grow with the context almost along a line, so that the next guess is
  // close. `low` fits, `high` does not.
  int low = 0, high = limit;
  std::int64_t at_low = needed(std::min(kPage, limit)), at_high = needed(limit);
  if (at_high <= capacity) return limit;
  if (at_low > capacity) return 0;
  low = kPage;
  while (high - low > kPage) {
    const double slope = static_cast<double>(at_high - at_low) / (high - low);
    const int guess = low + static_cast<int>(static_cast<double>(capacity - at_low) / slope);
    int middle = std::clamp(guess / kPage * kPage, low + kPage, high - 1);
    // The line is exact beyond the first chunk: one page above a guess that fits settles it.
    if (middle == high) middle = low + kPage;
    const std::int64_t bytes = needed(middle);
    if (bytes <= capacity) {
      low = middle;
      at_low = bytes;
      const int next = std::min(middle + kPage, high);
      if (next == high) break;
      const std::int64_t above = needed(next);
      if (above > capacity) break;
      low = next;
      at_low = above;
    } else {
      high = middle;
      at_high = bytes;
    }
  }
  return low / kPage * kPage;
}

}  // namespace tessera::plan
