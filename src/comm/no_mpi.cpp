// In place of mpi/mpi_world.cpp when no MPI was found at build time.
#include "comm/mpi/mpi_world.hpp"

namespace tessera::comm {

std::shared_ptr<Group> mpi_world() {
  if (launched_processes() == 1) return nullptr;
  fail_user(
      "{} processes were started by a launcher, and this tessera was built without MPI: install "
      "libopenmpi-dev and build again, or start it once with --mesh 1x{}",
      launched_processes(), launched_processes());
}

std::vector<int> lost_ranks() {
  return {};
}

void leave_mpi(int) {}

}  // namespace tessera::comm
