#pragma once
// Architectures that this program plans and does not run yet, put together from the same ops and modules: the
// right shapes in the right order on the meta engine, and no claim about values.
#include <memory>

#include "nn/weight_source.hpp"
#include "plan/planned_model.hpp"

namespace tessera::plan {

/// `part.config` gives the shapes, `facts.form` the order, `parallel` the collectives.
std::unique_ptr<PlannedModel> build_sketch(const ModelFacts& facts, const ChipPart& part,
                                           const models::Precision& precision, int positions,
                                           nn::WeightSource& weights, const nn::TensorParallel& parallel);

}  // namespace tessera::plan
