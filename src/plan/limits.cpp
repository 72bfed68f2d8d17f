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
                const SpecSheet& chip, int batch, int chunk, int near) {
  const std::int64_t capacity = chip_capacity(chip);
  const int limit = facts.config.max_position_embeddings;
  // What a position costs, but for the padding of pages over banks: from one run it leads to the answer's
  // page or the one beside it. Where it does not (a prompt that just fits a chunk), halving does.
  const std::int64_t tables = 2 * part.config.head_dim * static_cast<std::int64_t>(sizeof(float));
  const std::int64_t each = batch * kv_bytes_per_token(part, precision) + tables;
  int low = 0, high = (limit / kPage + 1) * kPage;  // low fits, high does not
  int guess = std::clamp(near / kPage * kPage, std::min(kPage, limit), limit);
  for (int tries = 0;; ++tries) {
    const std::int64_t room =
        capacity -
        run_memory(facts, part, precision, chip, {.batch = batch, .context = guess, .chunk = chunk}).needed;
    if (room >= 0 && guess == limit) return limit;
    (room >= 0 ? low : high) = guess;
    if (high - low <= kPage) return low;
    const std::int64_t aim = tries < 6 ? guess + room / each : (low + high) / 2;
    const std::int64_t least = low + kPage, most = std::min(high - 1, limit);
    guess = static_cast<int>(std::clamp(aim, least, std::max<std::int64_t>(least, most)));
    if (guess != limit) guess = std::max(guess / kPage * kPage, low + kPage);
  }
}

}  // namespace tessera::plan
