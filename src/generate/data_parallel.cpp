#include "generate/data_parallel.hpp"

#include <algorithm>
#include <cstdint>

#include "generate/generator.hpp"
#include "util/error.hpp"

namespace tessera::generate {
namespace {

// What travels: integers, a block of one size for every chip.
struct Block {
  std::size_t users = 0, tokens = 0;  // at most

  std::size_t user_size() const { return 2 + tokens; }
  std::size_t size() const { return 1 + users * user_size(); }
};

constexpr std::int32_t kStopped = 1;

std::vector<std::int32_t> pack(const Block& block, int copy, const std::vector<Result>& results) {
  std::vector<std::int32_t> packed(block.size(), 0);
  packed[0] = copy;
  for (std::size_t u = 0; u < results.size(); ++u) {
    auto at = packed.begin() + static_cast<std::ptrdiff_t>(1 + u * block.user_size());
    *at++ = results[u].finish_reason == "stop" ? kStopped : 0;
    *at++ = static_cast<std::int32_t>(results[u].tokens.size());
    std::ranges::copy(results[u].tokens, at);
  }
  return packed;
}

Result unpack(const Block& block, std::span<const std::int32_t> packed, std::size_t user) {
  const auto mine = packed.subspan(1 + user * block.user_size(), block.user_size());
  Result result;
  result.finish_reason = mine[0] == kStopped ? "stop" : "length";
  const auto tokens = mine.subspan(2, static_cast<std::size_t>(mine[1]));
  result.tokens.assign(tokens.begin(), tokens.end());
  return result;
}

// Chips that share a copy say the same: the last one's word stands.
std::vector<Result> gather(const Replica& replica, std::span<const Request> requests,
                           const std::vector<Result>& mine) {
  Block block;
  block.users = share_of(requests, 0, replica.count).size();
  for (const Request& request : requests)
    block.tokens = std::max(block.tokens, static_cast<std::size_t>(std::max(0, request.max_new_tokens)));
  const std::vector<std::int32_t> packed = pack(block, replica.index, mine);
  std::vector<std::int32_t> all(packed.size() * static_cast<std::size_t>(replica.mesh->size()));
  replica.mesh->all_gather(std::span<const std::int32_t>(packed), std::span(all));
  std::vector<Result> results(requests.size());
  for (std::size_t at = 0; at < all.size(); at += block.size()) {
    const auto chip = std::span<const std::int32_t>(all).subspan(at, block.size());
    const auto first = static_cast<std::size_t>(chip[0]) * block.users;
    for (std::size_t u = 0; u < block.users && first + u < results.size(); ++u)
      results[first + u] = unpack(block, chip, u);
  }
  return results;
}

// The rates of copies that run side by side add up; chips that share one have the same.
void add_up(const Replica& replica, Timings& timings) {
  const std::vector<double> mine{timings.prefill_tok_s, timings.decode_tok_s};
  const auto chips = static_cast<std::size_t>(replica.mesh->size());
  std::vector<double> all(2 * chips);
  replica.mesh->all_gather(std::span<const double>(mine), std::span(all));
  timings.prefill_tok_s = timings.decode_tok_s = 0;
  const double share = static_cast<double>(replica.count) / static_cast<double>(chips);
  for (std::size_t chip = 0; chip < chips; ++chip) {
    timings.prefill_tok_s += all[2 * chip] * share;
    timings.decode_tok_s += all[2 * chip + 1] * share;
  }
}

}  // namespace

std::span<const Request> share_of(std::span<const Request> requests, int copy, int copies) {
  const auto n = static_cast<int>(requests.size());
  check(n >= copies, "{} prompts for {} copies of the model: give at least one to each", n, copies);
  const int each = (n + copies - 1) / copies;
  check(each <= kMaxUsers, "{} prompts for {} cop{} of the model: {} at most for each", n, copies,
        copies == 1 ? "y" : "ies", kMaxUsers);
  const int first = std::min(n, copy * each);
  return requests.subspan(static_cast<std::size_t>(first),
                          static_cast<std::size_t>(std::min(each, n - first)));
}

std::vector<Result> generate_on_copies(const Replica& replica, std::span<const Request> requests, bool trace,
                                       Timings* timings) {
  const auto mine = share_of(requests, replica.index, replica.count);
  Timings measured;
  std::vector<Result> results;
  if (!mine.empty()) {
    Generator generator(replica.model, {.users = static_cast<int>(mine.size()), .trace = trace});
    results = generate(generator, mine, {}, &measured);
  }
  if (replica.mesh) {
    add_up(replica, measured);
    results = gather(replica, requests, results);
  }
  if (timings != nullptr) *timings = measured;
  return results;
}

}  // namespace tessera::generate
