#pragma once
// Ranks that work together on one thing: the contract of a communication backend.
//
// Every rank has its own Group object and calls the same collectives in the same order. All waits are
// bounded: a rank that does not arrive is named in a RankError after timeout_seconds(), and a rank that
// fails tells the others.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/bfloat16.hpp"
#include "util/error.hpp"

namespace tessera::comm {

/// How long a rank waits for another before that is an error: 60 s, or TESSERA_COMM_TIMEOUT (seconds). Longer
/// than any step takes, short enough that a lost rank is told to the user and not endured.
double timeout_seconds();

/// Another rank failed, ended or did not arrive: the text names it.
class RankError : public SystemError {
 public:
  using SystemError::SystemError;
};

/// The same when the other rank has told its error itself: an echo, not news.
class PeerFailed : public RankError {
 public:
  using RankError::RankError;
};

/// What a rank gives to and takes from each rank of its group (itself included), by rank.
struct Exchange {
  std::vector<std::span<const std::byte>> send;
  std::vector<std::span<std::byte>> receive;
  bool barrier = false;  // nobody leaves before all have come, though nothing is sent
};

class Group {
 public:
  virtual ~Group() = default;
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  int rank() const { return rank_; }
  int size() const { return static_cast<int>(members_.size()); }
  /// By rank of this group: the rank in the whole job, which errors name.
  const std::vector<int>& members() const { return members_; }

  // Collectives. Throw RankError when a rank fails or does not arrive, UserError for sizes that do not
  // divide.

  /// Sums over the ranks, in float32 and in their order, rounded once: the same bits everywhere.
  void all_reduce(std::span<float> values);
  void all_reduce(std::span<bf16> values);
  void all_reduce(std::span<std::int32_t> values);

  /// `all` has size() times as many values as `mine`: those of rank 0 first.
  template <class T>
  void all_gather(std::span<const T> mine, std::span<T> all) {
    gather_bytes(std::as_bytes(mine), std::as_writable_bytes(all));
  }

  /// Sums as all_reduce does; rank r keeps part r of size() equal parts.
  void reduce_scatter(std::span<const float> all, std::span<float> mine);
  void reduce_scatter(std::span<const bf16> all, std::span<bf16> mine);
  void reduce_scatter(std::span<const std::int32_t> all, std::span<std::int32_t> mine);

  /// What rank `root` has goes to all.
  void broadcast(std::span<std::byte> values, int root);

  /// Returns when all ranks have called it.
  void barrier();
  /// The same behind work that takes longer than a step (loading weights): ten times the time limit.
  void barrier_after_loading();

  /// What the collectives are made of, called by all ranks: what each rank's send[p] holds arrives in rank
  /// p's receive[] of that rank. Sizes agree.
  virtual void exchange(const Exchange& exchange) = 0;

  /// The group of some of these ranks (ascending, this one among them); called by all of them.
  virtual std::shared_ptr<Group> subgroup(const std::vector<int>& ranks) = 0;

  /// Tells all ranks of the job that this one has failed: whatever they wait for now or later throws a
  /// RankError that names this rank and the cause. Never throws.
  virtual void abort(std::string_view cause) noexcept = 0;

  /// Another limit for this rank's waits; 0: none (a rank that waits for work, not for an answer).
  void set_timeout(double seconds) { timeout_ = seconds; }
  double timeout() const { return timeout_; }

 protected:
  Group(int rank, std::vector<int> members);

 private:
  template <class T>
  void all_reduce_values(std::span<T> values);
  template <class T>
  void reduce_scatter_values(std::span<const T> all, std::span<T> mine);
  void gather_bytes(std::span<const std::byte> mine, std::span<std::byte> all);
  Exchange empty_exchange() const;

  int rank_;
  std::vector<int> members_;
  double timeout_;
  std::vector<std::byte>
      scratch_;  // what the other ranks sent; kept, so that a decode step allocates nothing
};

/// "rank 2", "ranks 2, 3": for errors.
std::string name_ranks(const std::vector<int>& ranks);

}  // namespace tessera::comm
