#pragma once
// Collectives: every rank of the group calls the same op on its own device, in the same order.
#include <memory>

#include "comm/group.hpp"
#include "ops/operation.hpp"

namespace tessera {

/// How the chips reach each other. Direct: everyone everyone, in one step. Linear, Ring: their neighbours
/// only, so that data goes from chip to chip (comm/routes.hpp). Values are gathered alike by all; a sum is
/// formed in another order by each, which may show in its last bit.
enum class Topology : std::uint8_t { Direct, Linear, Ring };

/// How so many chips of such a device reach each other: chips of this machine directly; on cards, eight are a
/// ring and fewer a line.
Topology usual_topology(const Device& device, int ranks);

/// The ranks' tensors side by side along `dim`, that of rank 0 first. TT-NN: ttnn.all_gather. x: float32 or
/// bfloat16, of one shape on all ranks. UserError: a dimension that x does not have; SystemError as
/// comm::Group.
Tensor all_gather(const Tensor& x, int dim, const std::shared_ptr<comm::Group>& group,
                  Topology topology = Topology::Direct);

/// The sum over the ranks, of which rank r keeps part r along `dim`. TT-NN: ttnn.reduce_scatter. Summed in
/// float32, directly in the order of the ranks, rounded once. UserError: a dimension that the ranks do not
/// divide.
Tensor reduce_scatter(const Tensor& x, int dim, const std::shared_ptr<comm::Group>& group,
                      Topology topology = Topology::Direct);

/// The sum over the ranks, on all of them: the same bits. TT-NN: ttnn.all_reduce.
Tensor all_reduce(const Tensor& x, const std::shared_ptr<comm::Group>& group,
                  Topology topology = Topology::Direct);

}  // namespace tessera
