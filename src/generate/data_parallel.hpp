#pragma once
// Many prompts on the copies of a model.
#include <span>
#include <vector>

#include "generate/generate_text.hpp"
#include "generate/model_session.hpp"

namespace tessera::generate {

/// The requests of one copy of `copies`: equal shares in their order, the last ones smaller. Throws UserError
/// for fewer requests than copies, or more than a batch for one.
std::span<const Request> share_of(std::span<const Request> requests, int copy, int copies);

/// Every copy answers its share, all its users in one batch. Called by every chip; the chip that speaks gets
/// the results of all, in the order of the requests, and the others their own copy's. Timings: the first
/// token of the speaking copy, tokens a second of all copies together.
std::vector<Result> generate_on_copies(const Replica& replica, std::span<const Request> requests, bool trace,
                                       Timings* timings = nullptr);

}  // namespace tessera::generate
