#pragma once
// Ranks that are processes, on this host or on several: started as `mpirun -n 4 tessera ...`. Built without
// MPI, comm/no_mpi.cpp stands here and says so.
#include <memory>

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

/// Before main() returns: leaves the job in order, or ends it for all ranks with this exit code. Does nothing
/// when mpi_world() was never called.
void leave_mpi(int exit_code);

}  // namespace tessera::comm
