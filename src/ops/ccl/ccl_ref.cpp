// Runs on both engines: what is exchanged is rows of float32 or bfloat16, whichever the engine keeps.
#include <cstring>
#include <vector>

#include "ops/ccl/ccl_op.hpp"
#include "ops/rows.hpp"
#include "util/parallel.hpp"

namespace tessera {
namespace {

// A dimension is `size` slices of `run` values each, `outer` times over.
struct Slices {
  std::int64_t outer = 1, run = 1;
};

Slices slices(const Shape& shape, int dim) {
  const int d = dim < 0 ? dim + shape.rank() : dim;
  Slices result;
  for (int i = 0; i < d; ++i) result.outer *= shape[i];
  for (int i = d; i < shape.rank(); ++i) result.run *= shape[i];
  return result;
}

// from[part][outer][run] to to[outer][part][run], or back.
template <class T>
void interleave(const T* from, T* to, std::int64_t parts, const Slices& s, bool back) {
  parallel_for(s.outer, row_grain(s.run * parts), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t o = begin; o < end; ++o) {
      for (std::int64_t p = 0; p < parts; ++p) {
        const std::int64_t by_part = (p * s.outer + o) * s.run, by_outer = (o * parts + p) * s.run;
        std::memcpy(to + (back ? by_part : by_outer), from + (back ? by_outer : by_part),
                    static_cast<std::size_t>(s.run) * sizeof(T));
      }
    }
  });
}

// T may be const.
template <class T>
std::span<T> values(T* data, std::int64_t n) {
  return {data, static_cast<std::size_t>(n)};
}

// Kept by thread, so that a decode step allocates nothing.
template <class T>
T* scratch(std::int64_t n) {
  static thread_local std::vector<T> buffer;
  if (buffer.size() < static_cast<std::size_t>(n)) buffer.resize(static_cast<std::size_t>(n));
  return buffer.data();
}

}  // namespace

void AllGather::run_ref(Inputs in, Outputs out) const {
  const Slices s = slices(in[0].logical_shape(), dim);
  const std::int64_t n = in[0].logical_shape().volume(), all = n * group->size();
  with_rows(out[0], [&]<class T>(T* to) {
    const T* from = in[0].data<const T>();
    T* gathered = s.outer == 1 ? to : scratch<T>(all);
    group->all_gather<T>(values(from, n), values(gathered, all));
    if (s.outer > 1) interleave(gathered, to, group->size(), s, false);
  });
}

void ReduceScatter::run_ref(Inputs in, Outputs out) const {
  const Slices s = slices(out[0].logical_shape(), dim);
  const std::int64_t all = in[0].logical_shape().volume(), n = all / group->size();
  with_rows(out[0], [&]<class T>(T* to) {
    const T* from = in[0].data<const T>();
    if (s.outer > 1) {
      T* parts = scratch<T>(all);
      interleave(from, parts, group->size(), s, true);
      from = parts;
    }
    group->reduce_scatter(values(from, all), values(to, n));
  });
}

void AllReduce::run_ref(Inputs in, Outputs out) const {
  const std::int64_t n = in[0].logical_shape().volume();
  with_rows(out[0], [&]<class T>(T* to) {
    std::memcpy(to, in[0].data<const T>(), static_cast<std::size_t>(n) * sizeof(T));
    group->all_reduce(values(to, n));
  });
}

}  // namespace tessera
