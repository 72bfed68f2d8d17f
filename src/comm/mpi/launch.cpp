// What launchers tell a process in its environment.
#include <cstdlib>

#include "comm/mpi/mpi_world.hpp"

namespace tessera::comm {
namespace {

// OpenMPI's, MPICH's and Slurm's names. -1: none is set.
int first_of(const char* a, const char* b, const char* c) {
  for (const char* name : {a, b, c}) {
    if (const char* text = std::getenv(name)) return std::atoi(text);
  }
  return -1;
}

}  // namespace

int launched_processes() {
  // A Slurm job step of one task is no MPI job.
  const int n = first_of("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS");
  return n > 1 ? n : 1;
}

int launched_rank() {
  const int rank = first_of("OMPI_COMM_WORLD_RANK", "PMI_RANK", "SLURM_PROCID");
  return launched_processes() > 1 && rank > 0 ? rank : 0;
}

std::string lost_text(const std::vector<int>& lost) {
  return fmt::format(
      "{} ended before the work was done: killed or stopped from outside: the launcher's message names the "
      "signal (9: out of memory, too)",
      name_ranks(lost));
}

}  // namespace tessera::comm
