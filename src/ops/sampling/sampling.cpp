#include "ops/sampling/sampling.hpp"

#include <algorithm>

#include "ops/checks.hpp"
#include "ops/dispatch.hpp"
#include "ops/sampling/sampling_op.hpp"

namespace tessera {

void Sampling::validate(Inputs in) const {
  check_float_rows(name(), in[0]);
  check_integers(name(), "indices", in[1]);
  const Shape& shape = in[0].logical_shape();
  check(shape == in[1].logical_shape() && shape[-1] > 0,
        "[sampling] values {} and indices {}: one shape expected, not empty", to_string(in[0].spec()),
        to_string(in[1].spec()));
  const auto users = static_cast<std::size_t>(shape.rows());
  check(params.size() == users && steps.size() == users,
        "[sampling] {} parameters and {} steps for {} users: give one of each a user", params.size(),
        steps.size(), users);
  for (const SamplingParams& p : params) {
    check(p.temperature >= 0, "[sampling] temperature {}: give 0 (greedy) or more", p.temperature);
    check(p.top_k >= 0, "[sampling] top_k {}: give 0 (all) or more", p.top_k);
    check(p.top_p > 0 && p.top_p <= 1, "[sampling] top_p {}: give a value in (0, 1]", p.top_p);
  }
}

// A trace would draw the number of the same step for ever.
bool Sampling::is_replayable() const {
  return std::ranges::all_of(params, [](const SamplingParams& p) { return p.temperature == 0; });
}

std::vector<OutputSpec> Sampling::output_specs(Inputs in) const {
  return {{TensorSpec{{1, 1, 1, in[0].logical_shape().rows()}, DataType::UINT32, Layout::ROW_MAJOR}, {}}};
}

Tensor sampling(const Tensor& values, const Tensor& indices, std::span<const SamplingParams> params,
                std::span<const std::int64_t> steps) {
  return dispatch(Sampling(params, steps), {values, indices})[0];
}

}  // namespace tessera
