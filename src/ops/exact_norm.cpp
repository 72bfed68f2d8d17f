#include "ops/exact_norm.hpp"

#include "util/parallel.hpp"

namespace tessera {

void norm_exact(NormProgram program, const ComputeKernelConfig& config, float epsilon, Inputs in,
                Tensor& out) {
  const std::int64_t width = in[0].logical_shape()[-1];
  const std::size_t padded = padded_columns(width);
  const auto vector_words = [&](const Tensor& tensor) {
    Words words(tensor.is_allocated() ? padded : 0);
    // A weight may have any shape of `width` values: they are one run in memory.
    if (tensor.is_allocated())
      load_source_row(tensor.view(Shape{1, width}), 0, config.fp32_dest_acc_en, words);
    return words;
  };
  const Words gamma = vector_words(in[1]), beta = vector_words(in[2]);
  parallel_for(in[0].logical_shape().rows(), 1, [&](std::int64_t begin, std::int64_t end) {
    Words words(padded), dest(padded);
    for (std::int64_t row = begin; row < end; ++row) {
      load_source_row(in[0], row, config.fp32_dest_acc_en, words);
      program(row_config(config), words, gamma, beta, epsilon, width, dest);
      store_row(dest_format(config), std::span(dest).first(static_cast<std::size_t>(width)), out, row);
    }
  });
}

}  // namespace tessera
