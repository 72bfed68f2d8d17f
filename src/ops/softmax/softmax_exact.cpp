#include <algorithm>

#include "ops/exact_norm.hpp"
#include "ops/softmax/softmax_op.hpp"
#include "util/parallel.hpp"

namespace tessera {

void Softmax::run_exact(Inputs in, Outputs out) const {
  const bool wide = in[0].dtype() == DataType::FLOAT32;
  const ComputeKernelConfig config =
      kernel_config(options, {wide ? MathFidelity::HiFi3 : MathFidelity::HiFi4, true, wide, false});
  const std::int64_t width = in[0].logical_shape()[-1];
  parallel_for(in[0].logical_shape().rows(), 1, [&](std::int64_t begin, std::int64_t end) {
    Words words(padded_columns(width)), dest(words.size());
    for (std::int64_t row = begin; row < end; ++row) {
      load_source_row(in[0], row, config.fp32_dest_acc_en, words);
      std::fill(words.begin() + width, words.end(), 0xFF800000u);
      wormhole::softmax_row(row_config(config), words, dest);
      store_row(dest_format(config), std::span(dest).first(static_cast<std::size_t>(width)), out[0], row);
    }
  });
}

}  // namespace tessera
