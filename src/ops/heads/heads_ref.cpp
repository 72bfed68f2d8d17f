#include "ops/copy_run.hpp"
#include "ops/heads/heads_op.hpp"
#include "ops/rows.hpp"
#include "util/parallel.hpp"

namespace tessera {

void CreateQkvHeads::run_ref(Inputs in, Outputs out) const {
  const std::int64_t rows = in[0].logical_shape()[2];
  const std::int64_t width = in[0].logical_shape()[3];
  const std::int64_t dim = width / (num_heads + 2 * num_kv_heads);
  const std::int64_t heads[] = {num_heads, num_kv_heads, num_kv_heads};
  const RunCopier copy[] = {{in[0], out[0]}, {in[0], out[1]}, {in[0], out[2]}};
  parallel_for(rows, row_grain(width), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      std::int64_t from = r * width;
      for (int part = 0; part < 3; ++part) {
        for (std::int64_t h = 0; h < heads[part]; ++h, from += dim) {
          if (part == 1 && transpose_k) {
            copy[part].strided(from, 1, h * dim * rows + r, rows, dim);
          } else {
            copy[part](from, (decode ? r * heads[part] + h : h * rows + r) * dim, dim);
          }
        }
      }
    }
  });
}

void ConcatHeads::run_ref(Inputs in, Outputs out) const {
  const Shape& shape = in[0].logical_shape();
  const std::int64_t heads = decode ? shape[2] : shape[1];
  const std::int64_t rows = decode ? shape[1] : shape[2];
  const std::int64_t dim = shape[3];
  const RunCopier copy(in[0], out[0]);
  parallel_for(rows, row_grain(heads * dim), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      for (std::int64_t h = 0; h < heads; ++h) {
        copy((decode ? r * heads + h : h * rows + r) * dim, (r * heads + h) * dim, dim);
      }
    }
  });
}

}  // namespace tessera
