#include "comm/threads/thread_world.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <map>
#include <mutex>
#include <numeric>
#include <string>
#include <utility>

#include "util/error.hpp"

namespace tessera::comm {

/// One group: which exchange each of its ranks has come to. Guarded by ThreadState::mutex, except that
/// `offers` may be read between a rank's arrival and everybody's departure.
struct ThreadRoom {
  explicit ThreadRoom(std::vector<int> ranks)
      : members(std::move(ranks)), offers(members.size()), arrived(members.size()), done(members.size()) {}

  std::vector<int> members;  // ranks of the world
  std::vector<const Exchange*> offers;
  std::vector<std::uint64_t> arrived, done;  // exchanges, by rank of the room
  std::condition_variable changed;
};

struct ThreadState {
  std::mutex mutex;
  int size = 0;
  std::string failure;  // what every wait ends with; empty: none
  std::vector<bool> left;
  std::map<std::vector<int>, std::shared_ptr<ThreadRoom>> rooms;

  /// With the mutex held.
  const std::shared_ptr<ThreadRoom>& room(const std::vector<int>& ranks) {
    std::shared_ptr<ThreadRoom>& found = rooms[ranks];
    if (!found) found = std::make_shared<ThreadRoom>(ranks);
    return found;
  }
  void wake() {
    for (const auto& [ranks, room] : rooms) room->changed.notify_all();
  }
  void fail(std::string text) {
    if (failure.empty()) failure = std::move(text);
    wake();
  }
};

namespace {

class ThreadGroup final : public Group {
 public:
  ThreadGroup(std::shared_ptr<ThreadState> state, std::shared_ptr<ThreadRoom> room, int rank)
      : Group(rank, room->members), state_(std::move(state)), room_(std::move(room)) {}

  std::shared_ptr<Group> subgroup(const std::vector<int>& ranks) override {
    const auto at = std::ranges::find(ranks, rank());
    check(at != ranks.end() && std::ranges::is_sorted(ranks),
          "subgroup: {}: ascending, with this rank {} expected", name_ranks(ranks), rank());
    std::vector<int> chosen;
    chosen.reserve(ranks.size());
    for (const int r : ranks) chosen.push_back(members().at(static_cast<std::size_t>(r)));
    const std::lock_guard lock(state_->mutex);
    return std::make_shared<ThreadGroup>(state_, state_->room(chosen), static_cast<int>(at - ranks.begin()));
  }

  void abort(std::string_view cause) noexcept override;

  // A rank that has found everybody arrived copies and departs whatever happens: only before that may it
  // leave with an error, and then nobody arrives any more. So nobody reads the buffers of a rank that has
  // gone.
  void exchange(const Exchange& mine) override {
    const auto me = static_cast<std::size_t>(rank());
    std::unique_lock lock(state_->mutex);
    if (!state_->failure.empty()) throw RankError(state_->failure);
    const std::uint64_t turn = ++room_->arrived[me];
    room_->offers[me] = &mine;
    const auto all_at = [&](const std::vector<std::uint64_t>& turns) {
      return std::ranges::all_of(turns, [&](std::uint64_t t) { return t >= turn; });
    };
    if (all_at(room_->arrived)) {
      room_->changed.notify_all();
    } else {
      await_arrival(lock, turn, all_at);
    }
    lock.unlock();
    for (std::size_t r = 0; r < room_->offers.size(); ++r) {
      const auto from = room_->offers[r]->send[me];
      if (!from.empty()) std::memcpy(mine.receive[r].data(), from.data(), from.size());
    }
    lock.lock();
    room_->done[me] = turn;
    if (all_at(room_->done)) {
      room_->changed.notify_all();
    } else {
      room_->changed.wait(lock, [&] { return all_at(room_->done); });
    }
  }

 private:
  template <class AllAt>
  void await_arrival(std::unique_lock<std::mutex>& lock, std::uint64_t turn, const AllAt& all_at) {
    using Clock = std::chrono::steady_clock;
    const auto limit = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                          std::chrono::duration<double>(timeout() > 0 ? timeout() : 1e8));
    for (;;) {
      if (all_at(room_->arrived)) return;
      if (!state_->failure.empty()) throw RankError(state_->failure);
      const std::vector<int> missing = missing_ranks(turn), gone = ended(missing);
      if (!gone.empty()) {
        state_->fail(fmt::format("{} ended while rank {} waits: all ranks must take the same steps",
                                 name_ranks(gone), members()[static_cast<std::size_t>(rank())]));
      } else if (Clock::now() >= limit) {
        state_->fail(
            fmt::format("{} did not arrive in {:g} s: it hangs or takes other steps; TESSERA_COMM_TIMEOUT "
                        "sets another limit",
                        name_ranks(missing), timeout()));
      } else {
        room_->changed.wait_until(lock, limit);
      }
    }
  }

  std::vector<int> missing_ranks(std::uint64_t turn) const {
    std::vector<int> ranks;
    for (std::size_t r = 0; r < room_->arrived.size(); ++r) {
      if (room_->arrived[r] < turn) ranks.push_back(room_->members[r]);
    }
    return ranks;
  }
  std::vector<int> ended(std::vector<int> ranks) const {
    std::erase_if(ranks, [&](int r) { return !state_->left[static_cast<std::size_t>(r)]; });
    return ranks;
  }

  std::shared_ptr<ThreadState> state_;
  std::shared_ptr<ThreadRoom> room_;
};

void abort_job(ThreadState& state, int rank, std::string_view cause) {
  const std::lock_guard lock(state.mutex);
  state.fail(fmt::format("rank {} failed: {}", rank, cause));
}

void ThreadGroup::abort(std::string_view cause) noexcept {
  abort_job(*state_, members()[static_cast<std::size_t>(rank())], cause);
}

}  // namespace

ThreadWorld::ThreadWorld(int size) : state_(std::make_shared<ThreadState>()) {
  check(size >= 1, "{} ranks: at least one is needed", size);
  state_->size = size;
  state_->left.assign(static_cast<std::size_t>(size), false);
}

int ThreadWorld::size() const {
  return state_->size;
}

std::shared_ptr<Group> ThreadWorld::group(int rank) const {
  check(rank >= 0 && rank < state_->size, "rank {} of {}: give one of them", rank, state_->size);
  std::vector<int> all(static_cast<std::size_t>(state_->size));
  std::iota(all.begin(), all.end(), 0);
  const std::lock_guard lock(state_->mutex);
  return std::make_shared<ThreadGroup>(state_, state_->room(all), rank);
}

void ThreadWorld::leave(int rank) {
  const std::lock_guard lock(state_->mutex);
  state_->left[static_cast<std::size_t>(rank)] = true;
  state_->wake();
}

void ThreadWorld::abort(int rank, std::string_view cause) {
  abort_job(*state_, rank, cause);
}

void ThreadWorld::reset() {
  const std::lock_guard lock(state_->mutex);
  state_->failure.clear();
  std::fill(state_->left.begin(), state_->left.end(), false);
  for (const auto& [ranks, room] : state_->rooms) {
    std::ranges::fill(room->arrived, 0);
    std::ranges::fill(room->done, 0);
  }
}

}  // namespace tessera::comm
