#pragma once
#include <memory>

#include "comm/group.hpp"

namespace tessera::comm {

/// Rank `rank` of `size` ranks that are not there: enough to build and run a sharded model on the meta
/// engine, whose ops ask for shapes only. Its collectives throw UserError: there is nothing to exchange.
std::shared_ptr<Group> meta_group(int size, int rank = 0);

}  // namespace tessera::comm
