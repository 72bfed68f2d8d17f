#include "comm/group.hpp"

#include <fmt/ranges.h>

#include <cstdlib>
#include <cstring>
#include <type_traits>
#include <utility>

#include "util/error.hpp"

namespace tessera::comm {
namespace {

constexpr double kDefaultTimeout = 60;

// Up to so many bytes, everybody sends everything in one round; beyond, a round that sums parts and a round
// that joins them move less. Both give the same bits.
constexpr std::size_t kOneRound = 16384;

// bfloat16 is raw bits: 16-bit integers are never summed as such.
auto widen(bf16 value) {
  return bf16_to_float(value);
}
auto widen(float value) {
  return value;
}
auto widen(std::int32_t value) {
  return value;
}
template <class T, class Sum>
T narrow(Sum sum) {
  if constexpr (std::is_same_v<T, bf16>) {
    return float_to_bf16(sum);
  } else {
    return sum;
  }
}

// out[i] = the sum of rank r's value i over r, where rank r's values begin at all[r * out.size()].
template <class T>
void sum_ranks(std::span<const T> all, std::size_t ranks, std::span<T> out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    auto sum = widen(all[i]);
    for (std::size_t r = 1; r < ranks; ++r) sum += widen(all[r * out.size() + i]);
    out[i] = narrow<T>(sum);
  }
}

std::pair<std::size_t, std::size_t> part_of(std::size_t n, std::size_t rank, std::size_t ranks) {
  return {n * rank / ranks, n * (rank + 1) / ranks};
}

template <class T>
std::span<T> scratch_as(std::vector<std::byte>& scratch, std::size_t values) {
  if (scratch.size() < values * sizeof(T)) scratch.resize(values * sizeof(T));
  return {reinterpret_cast<T*>(scratch.data()), values};
}

}  // namespace

double timeout_seconds() {
  if (const char* text = std::getenv("TESSERA_COMM_TIMEOUT")) {
    const double seconds = std::atof(text);
    if (seconds > 0) return seconds;
  }
  return kDefaultTimeout;
}

std::string name_ranks(const std::vector<int>& ranks) {
  return fmt::format("rank{} {}", ranks.size() == 1 ? "" : "s", fmt::join(ranks, ", "));
}

Group::Group(int rank, std::vector<int> members)
    : rank_(rank), members_(std::move(members)), timeout_(timeout_seconds()) {}

Exchange Group::empty_exchange() const {
  return {std::vector<std::span<const std::byte>>(members_.size()),
          std::vector<std::span<std::byte>>(members_.size()), false};
}

template <class T>
void Group::all_reduce_values(std::span<T> values) {
  const std::size_t n = members_.size(), mine = static_cast<std::size_t>(rank_);
  if (n == 1) return;
  Exchange first = empty_exchange();
  if (values.size_bytes() <= kOneRound) {
    const auto all = scratch_as<T>(scratch_, n * values.size());
    for (std::size_t r = 0; r < n; ++r) {
      first.send[r] = std::as_bytes(values);
      first.receive[r] = std::as_writable_bytes(all.subspan(r * values.size(), values.size()));
    }
    exchange(first);
    return sum_ranks<T>(all, n, values);
  }
  const auto [begin, end] = part_of(values.size(), mine, n);
  const auto own = values.subspan(begin, end - begin);
  const auto all = scratch_as<T>(scratch_, n * own.size());
  Exchange second = empty_exchange();
  for (std::size_t r = 0; r < n; ++r) {
    const auto [from, to] = part_of(values.size(), r, n);
    const auto part = values.subspan(from, to - from);
    first.send[r] = std::as_bytes(part);
    first.receive[r] = std::as_writable_bytes(all.subspan(r * own.size(), own.size()));
    if (r == mine) continue;
    second.send[r] = std::as_bytes(own);
    second.receive[r] = std::as_writable_bytes(part);
  }
  exchange(first);
  sum_ranks<T>(all, n, own);
  exchange(second);
}

template <class T>
void Group::reduce_scatter_values(std::span<const T> all, std::span<T> mine) {
  const std::size_t n = members_.size();
  check(all.size() == n * mine.size(), "reduce_scatter: {} values into {} parts of {}: give {}", all.size(),
        n, mine.size(), n * mine.size());
  const auto received = scratch_as<T>(scratch_, all.size());
  Exchange parts = empty_exchange();
  for (std::size_t r = 0; r < n; ++r) {
    parts.send[r] = std::as_bytes(all.subspan(r * mine.size(), mine.size()));
    parts.receive[r] = std::as_writable_bytes(received.subspan(r * mine.size(), mine.size()));
  }
  exchange(parts);
  sum_ranks<T>(received, n, mine);
}

void Group::gather_bytes(std::span<const std::byte> mine, std::span<std::byte> all) {
  check(all.size() == members_.size() * mine.size(),
        "all_gather: {} ranks with {} bytes each into {}: give {}", members_.size(), mine.size(), all.size(),
        members_.size() * mine.size());
  Exchange parts = empty_exchange();
  for (std::size_t r = 0; r < members_.size(); ++r) {
    parts.send[r] = mine;
    parts.receive[r] = all.subspan(r * mine.size(), mine.size());
  }
  exchange(parts);
}

void Group::all_reduce(std::span<float> values) {
  all_reduce_values(values);
}
void Group::all_reduce(std::span<bf16> values) {
  all_reduce_values(values);
}
void Group::all_reduce(std::span<std::int32_t> values) {
  all_reduce_values(values);
}

void Group::reduce_scatter(std::span<const float> all, std::span<float> mine) {
  reduce_scatter_values(all, mine);
}
void Group::reduce_scatter(std::span<const bf16> all, std::span<bf16> mine) {
  reduce_scatter_values(all, mine);
}
void Group::reduce_scatter(std::span<const std::int32_t> all, std::span<std::int32_t> mine) {
  reduce_scatter_values(all, mine);
}

void Group::broadcast(std::span<std::byte> values, int root) {
  check(root >= 0 && root < size(), "broadcast: from rank {} of {}: give one of them", root, size());
  Exchange parts = empty_exchange();
  if (rank_ == root) {
    for (std::size_t r = 0; r < members_.size(); ++r) {
      if (static_cast<int>(r) != root) parts.send[r] = values;
    }
  } else {
    parts.receive[static_cast<std::size_t>(root)] = values;
  }
  exchange(parts);
}

void Group::barrier() {
  Exchange nothing = empty_exchange();
  nothing.barrier = true;
  exchange(nothing);
}

void Group::barrier_after_loading() {
  const double limit = std::exchange(timeout_, 10 * timeout_);
  barrier();
  timeout_ = limit;
}

}  // namespace tessera::comm
