#pragma once
// Ranks that are processes, on this host or on several: started as `mpirun -n 4 tessera ...`. Built without
// MPI, comm/no_mpi.cpp stands here and says so.
#include <memory>
#include <string>
#include <vector>

#include "comm/group.hpp"

namespace tessera::comm {

/// How many processes the launcher has started, and which one this is; 1 and 0 without a launcher. From the
/// environment: nothing is opened.
int launched_processes();
int launched_rank();

/// All processes of the job; nullptr when there is only this one. The first call opens it, within
/// timeout_seconds(): a process that never comes there ends the job with a message. Shares the cores of a
/// host among its ranks. Throws SystemError when it cannot be opened.
std::shared_ptr<Group> mpi_world();

/// A rank of this job is gone: its process was killed.
class RankLost : public RankError {
 public:
  using RankError::RankError;
};

/// The ranks of this host whose processes are gone, ascending; none before mpi_world() was called. Those of
/// other hosts cannot be seen from here.
std::vector<int> lost_ranks();
std::string lost_text(const std::vector<int>& lost);

/// Before main() returns: leaves the job in order, or ends it for all ranks with this exit code. Does nothing
/// when mpi_world() was never called.
void leave_mpi(int exit_code);

}  // namespace tessera::comm
