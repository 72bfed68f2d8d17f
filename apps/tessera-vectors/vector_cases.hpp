#pragma once
// Runs hardware vectors through the room wormhole and counts what differs.
#include <cstdint>
#include <functional>
#include <string>

#include "tessera-vectors/vector_folder.hpp"

namespace tessera::vectors {

struct Tally {
  std::int64_t cases = 0, values = 0, wrong = 0;
};

/// Told of each buffer that differs, one line.
using Complain = std::function<void(const std::string&)>;

/// All lists of the folder: matmul, unpack, pack, pack_l1acc, eltwise, fma. A matmul runs in the scalar and
/// in the vectorised form; a value is wrong if either is. A value of a block-float tile is wrong when its
/// code or its shared exponent is. Throws UserError for a list or a field it does not know.
Tally run_vectors(const VectorFolder& folder, const Complain& complain);

}  // namespace tessera::vectors
