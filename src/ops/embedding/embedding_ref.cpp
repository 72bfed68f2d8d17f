#include "ops/copy_run.hpp"
#include "ops/embedding/embedding_op.hpp"
#include "ops/rows.hpp"
#include "util/error.hpp"
#include "util/parallel.hpp"

namespace tessera {

void Embedding::run_ref(Inputs in, Outputs out) const {
  const std::int64_t n = in[0].logical_shape().volume();
  const std::int64_t vocab = in[1].logical_shape()[-2];
  const std::int64_t dim = in[1].logical_shape()[-1];
  const std::int32_t* ids = in[0].data<std::int32_t>();
  for (std::int64_t i = 0; i < n; ++i) {
    check((ids[i] >= 0 && ids[i] < vocab) || ids[i] == pad_token,
          "[embedding] id {} at position {}: the table has rows 0 to {}: check the tokenizer", ids[i], i,
          vocab - 1);
  }
  const RunCopier copy(in[1], out[0]);
  parallel_for(n, row_grain(dim), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      if (ids[i] == pad_token) {
        copy.zero(i * dim, dim);
      } else {
        copy(ids[i] * dim, i * dim, dim);
      }
    }
  });
}

}  // namespace tessera
