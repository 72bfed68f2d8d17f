#include "ops/argmax/argmax_op.hpp"
#include "ops/rows.hpp"
#include "util/parallel.hpp"

namespace tessera {

void Argmax::run_ref(Inputs in, Outputs out) const {
  const std::int64_t n = in[0].logical_shape()[-1];
  parallel_for(in[0].logical_shape().rows(), row_grain(n), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const float* x = in[0].data<float>() + r * n;
      std::int64_t best = -1;
      for (std::int64_t i = 0; i < n; ++i) {
        if (x[i] == x[i] && (best < 0 || x[i] > x[best])) best = i;
      }
      out[0].data<std::int32_t>()[r] = static_cast<std::int32_t>(best < 0 ? 0 : best);
    }
  });
}

}  // namespace tessera
