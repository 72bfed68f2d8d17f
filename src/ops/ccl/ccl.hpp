#pragma once
// Collectives: every rank of the group calls the same op on its own device, in the same order.
#include <memory>

#include "comm/group.hpp"
#include "ops/operation.hpp"

namespace tessera {

/// How the chips are wired: only what moves over the links depends on it, never the result.
enum class Topology : std::uint8_t { Linear, Ring };

/// How so many chips of one device are wired: the eight of a LoudBox are a ring, fewer a line.
Topology usual_topology(int ranks);

/// The ranks' tensors side by side along `dim`, that of rank 0 first. TT-NN: ttnn.all_gather. x: float32 or
/// bfloat16, of one shape on all ranks. UserError: a dimension that x does not have; SystemError as
/// comm::Group.
Tensor all_gather(const Tensor& x, int dim, const std::shared_ptr<comm::Group>& group,
                  Topology topology = Topology::Linear);

/// The sum over the ranks, of which rank r keeps part r along `dim`. TT-NN: ttnn.reduce_scatter. Summed in
/// float32 and in the order of the ranks, rounded once. UserError: a dimension that the ranks do not divide.
Tensor reduce_scatter(const Tensor& x, int dim, const std::shared_ptr<comm::Group>& group,
                      Topology topology = Topology::Linear);

/// The sum over the ranks, on all of them: the same bits. TT-NN: ttnn.all_reduce.
Tensor all_reduce(const Tensor& x, const std::shared_ptr<comm::Group>& group,
                  Topology topology = Topology::Linear);

}  // namespace tessera
