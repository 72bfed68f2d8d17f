#pragma once
// A group whose ranks are threads of this process.
#include <memory>
#include <string_view>
#include <vector>

#include "comm/group.hpp"

namespace tessera::comm {

struct ThreadRoom;
struct ThreadState;

/// What the threads of a job share. Each rank exchanges with the others through memory: it says where its
/// values are, waits until all have, copies what is for it, and leaves when all have copied.
class ThreadWorld {
 public:
  explicit ThreadWorld(int size);

  int size() const;
  /// The group of all ranks, as rank `rank` sees it.
  std::shared_ptr<Group> group(int rank) const;

  /// The rank's work has ended: who waits for it from now on is told so at once.
  void leave(int rank);
  /// As Group::abort().
  void abort(int rank, std::string_view cause);
  /// Ready for another run after all ranks have left. Groups stay valid.
  void reset();

 private:
  std::shared_ptr<ThreadState> state_;
};

}  // namespace tessera::comm
