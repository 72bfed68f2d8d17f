#include "comm/mpi/mpi_world.hpp"

#include <mpi.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <numeric>
#include <string>
#include <thread>
#include <utility>

#include "util/interrupt.hpp"
#include "util/parallel.hpp"

namespace tessera::comm {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kDataTag = 1, kFailureTag = 2;
constexpr std::size_t kMostBytes = std::size_t{1} << 30;  // of a message: MPI counts in int
// Steps take milliseconds: a rank that has waited longer than this waits for work (rank 0 of a bring-up does
// the ladder alone) and lets others have the core.
constexpr auto kPatience = std::chrono::milliseconds(50);
constexpr auto kNap = std::chrono::microseconds(200);
// How often a rank that waits for the others to start looks whether it is told to stop.
constexpr auto kGlance = std::chrono::milliseconds(50);
// How long a failing rank tries to tell the others before it ends the job anyway.
constexpr auto kFarewell = std::chrono::milliseconds(500);

bool g_open = false;

// A rank of this host: what the others can look for when it falls silent.
struct Neighbour {
  int rank = 0;
  int process = 0;
};
std::vector<Neighbour> g_neighbours;

void check_mpi(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  MPI_Error_string(code, text, &length);
  fail_system("{}: {}: is every host of the job up and reachable?", call,
              std::string(text, static_cast<std::size_t>(length)));
}

class MpiGroup final : public Group {
 public:
  MpiGroup(MPI_Comm comm, int rank, std::vector<int> members)
      : Group(rank, std::move(members)), comm_(comm) {}

  std::shared_ptr<Group> subgroup(const std::vector<int>& ranks) override {
    const auto at = std::ranges::find(ranks, rank());
    check(at != ranks.end() && std::ranges::is_sorted(ranks),
          "subgroup: {}: ascending, with this rank {} expected", name_ranks(ranks), rank());
    std::vector<int> chosen;
    chosen.reserve(ranks.size());
    for (const int r : ranks) chosen.push_back(members().at(static_cast<std::size_t>(r)));
    return std::make_shared<MpiGroup>(comm_, static_cast<int>(at - ranks.begin()), std::move(chosen));
  }

  void abort(std::string_view cause) noexcept override {
    const int self = members()[static_cast<std::size_t>(rank())];
    int ranks = 0;
    MPI_Comm_size(comm_, &ranks);
    std::vector<MPI_Request> sends;
    for (int r = 0; r < ranks; ++r) {
      if (r == self) continue;
      MPI_Isend(cause.data(), static_cast<int>(std::min<std::size_t>(cause.size(), 4096)), MPI_BYTE, r,
                kFailureTag, comm_, &sends.emplace_back());
    }
    const auto limit = Clock::now() + kFarewell;
    for (int done = 0; done == 0 && Clock::now() < limit;) {
      MPI_Testall(static_cast<int>(sends.size()), sends.data(), &done, MPI_STATUSES_IGNORE);
    }
  }

  // Messages between two ranks keep their order, and all ranks call the collectives in one order: groups that
  // share ranks need no tags of their own.
  void exchange(const Exchange& e) override {
    const auto me = static_cast<std::size_t>(rank());
    std::vector<MPI_Request> requests;
    std::vector<std::size_t> peer;  // of each request
    for (std::size_t r = 0; r < members().size(); ++r) {
      if (r == me) continue;
      for_pieces(e.receive[r], e.barrier, [&](std::byte* data, int bytes) {
        check_mpi(MPI_Irecv(data, bytes, MPI_BYTE, members()[r], kDataTag, comm_, &requests.emplace_back()),
                  "MPI_Irecv");
        peer.push_back(r);
      });
    }
    for (std::size_t r = 0; r < members().size(); ++r) {
      if (r == me) continue;
      for_pieces(e.send[r], e.barrier, [&](const std::byte* data, int bytes) {
        check_mpi(MPI_Isend(data, bytes, MPI_BYTE, members()[r], kDataTag, comm_, &requests.emplace_back()),
                  "MPI_Isend");
        peer.push_back(r);
      });
    }
    if (!e.send[me].empty()) std::memcpy(e.receive[me].data(), e.send[me].data(), e.send[me].size());
    wait(requests, peer);
  }

 private:
  template <class Span, class Body>
  static void for_pieces(Span values, bool even_if_empty, const Body& body) {
    if (values.empty() && even_if_empty) body(values.data(), 0);
    for (std::size_t at = 0; at < values.size(); at += kMostBytes)
      body(values.data() + at, static_cast<int>(std::min(kMostBytes, values.size() - at)));
  }

  void wait(std::vector<MPI_Request>& requests, const std::vector<std::size_t>& peer) {
    const auto begin = Clock::now();
    for (;;) {
      int done = 0;
      check_mpi(MPI_Testall(static_cast<int>(requests.size()), requests.data(), &done, MPI_STATUSES_IGNORE),
                "MPI_Testall");
      if (done != 0) return;
      const auto waited = Clock::now() - begin;
      if (waited < kPatience) {
        std::this_thread::yield();
        continue;
      }
      std::this_thread::sleep_for(kNap);
      // First: a launcher that sees a rank die signals the others.
      if (const auto lost = lost_ranks(); !lost.empty()) throw RankLost(lost_text(lost));
      check_interrupt();
      throw_if_failed();
      if (timeout() > 0 && waited > std::chrono::duration<double>(timeout())) fail_late(requests, peer);
    }
  }

  void throw_if_failed() {
    int found = 0;
    MPI_Status status;
    check_mpi(MPI_Iprobe(MPI_ANY_SOURCE, kFailureTag, comm_, &found, &status), "MPI_Iprobe");
    if (found == 0) return;
    int bytes = 0;
    MPI_Get_count(&status, MPI_BYTE, &bytes);
    std::string cause(static_cast<std::size_t>(bytes), '\0');
    MPI_Recv(cause.data(), bytes, MPI_BYTE, status.MPI_SOURCE, kFailureTag, comm_, MPI_STATUS_IGNORE);
    throw PeerFailed(fmt::format("rank {} failed: {}", status.MPI_SOURCE, cause));
  }

  [[noreturn]] void fail_late(std::vector<MPI_Request>& requests, const std::vector<std::size_t>& peer) {
    std::vector<int> missing;
    for (std::size_t i = 0; i < requests.size(); ++i) {
      int done = 0;
      if (requests[i] == MPI_REQUEST_NULL) continue;
      MPI_Request_get_status(requests[i], &done, MPI_STATUS_IGNORE);
      if (done == 0) missing.push_back(members()[peer[i]]);
    }
    std::ranges::sort(missing);
    missing.erase(std::ranges::unique(missing).begin(), missing.end());
    throw RankError(fmt::format(
        "{} did not arrive in {:g} s: it hangs or takes other steps; TESSERA_COMM_TIMEOUT sets another "
        "limit",
        name_ranks(missing), timeout()));
  }

  MPI_Comm comm_;
};

// MPI_Init waits for all processes without a limit of its own, and through any signal.
class OpeningWatch {
 public:
  OpeningWatch() : thread_([this] { watch(); }) {}
  ~OpeningWatch() {
    {
      const std::lock_guard lock(mutex_);
      open_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  OpeningWatch(const OpeningWatch&) = delete;
  OpeningWatch& operator=(const OpeningWatch&) = delete;

 private:
  void watch() {
    std::unique_lock lock(mutex_);
    const auto limit = Clock::now() + std::chrono::duration<double>(timeout_seconds());
    while (!interrupted() && Clock::now() < limit) {
      if (changed_.wait_for(lock, kGlance, [&] { return open_; })) return;
    }
    if (!interrupted()) {
      std::fprintf(stderr,
                   "tessera: not all of the %d processes arrived in %g s: one hangs or is another program; "
                   "TESSERA_COMM_TIMEOUT sets another limit\n",
                   launched_processes(), timeout_seconds());
    } else if (launched_rank() == 0) {
      std::fprintf(stderr, "tessera: stopped by the launcher before all of the %d processes had arrived\n",
                   launched_processes());
    }
    std::_Exit(2);  // the launcher ends the others
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  std::thread thread_;
};

// Gathers the processes of this host; returns how many they are.
int meet_neighbours(MPI_Comm comm, int rank) {
  MPI_Comm host = MPI_COMM_NULL;
  if (MPI_Comm_split_type(comm, MPI_COMM_TYPE_SHARED, rank, MPI_INFO_NULL, &host) != MPI_SUCCESS) return 1;
  int count = 1;
  MPI_Comm_size(host, &count);
  const Neighbour self{rank, getpid()};
  g_neighbours.resize(static_cast<std::size_t>(count));
  MPI_Allgather(&self, sizeof self, MPI_BYTE, g_neighbours.data(), sizeof self, MPI_BYTE, host);
  MPI_Comm_free(&host);
  return count;
}

std::shared_ptr<Group> open_world() {
  if (launched_processes() == 1) return nullptr;
  int level = 0, rank = 0, ranks = 0;
  MPI_Comm comm = MPI_COMM_NULL;
  {
    const OpeningWatch watch;
    check_mpi(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &level), "MPI_Init");
    g_open = true;
    check_mpi(MPI_Comm_dup(MPI_COMM_WORLD, &comm), "MPI_Comm_dup");
  }
  MPI_Comm_set_errhandler(comm, MPI_ERRORS_RETURN);
  // MPI takes over SIGTERM and SIGINT of its own accord on some hosts.
  install_interrupt_handler();
  MPI_Comm_rank(comm, &rank);
  MPI_Comm_size(comm, &ranks);
  if (level < MPI_THREAD_SERIALIZED)
    fail_system("MPI: thread level {}: an MPI with MPI_THREAD_SERIALIZED is needed", level);
  const int neighbours = meet_neighbours(comm, rank);
  if (!num_threads_are_chosen()) set_num_threads(num_threads() / neighbours);
  std::vector<int> all(static_cast<std::size_t>(ranks));
  std::iota(all.begin(), all.end(), 0);
  return std::make_shared<MpiGroup>(comm, rank, std::move(all));
}

}  // namespace

std::shared_ptr<Group> mpi_world() {
  static const std::shared_ptr<Group> world = open_world();
  return world;
}

std::vector<int> lost_ranks() {
  std::vector<int> lost;
  for (const Neighbour& n : g_neighbours) {
    // MPI_Finalize waits for all: whoever is gone before has not left in order.
    if (kill(n.process, 0) != 0 && errno == ESRCH) lost.push_back(n.rank);
  }
  return lost;
}

void leave_mpi(int exit_code) {
  if (!g_open) return;
  if (exit_code == 2) MPI_Abort(MPI_COMM_WORLD, exit_code);
  MPI_Finalize();
}

}  // namespace tessera::comm
