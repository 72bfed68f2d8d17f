// Runs on both engines: what is exchanged is rows of float32 or bfloat16, whichever the engine keeps.
#include <cstring>
#include <type_traits>
#include <vector>

#include "comm/routes.hpp"
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

comm::Wiring wiring(Topology topology) {
  return topology == Topology::Ring ? comm::Wiring::Ring : comm::Wiring::Line;
}

// Part r of n values for each of so many ranks, as even as they go.
template <class T>
comm::Parts<T> parts_of(T* data, std::int64_t n, int ranks) {
  comm::Parts<T> parts;
  parts.reserve(static_cast<std::size_t>(ranks));
  for (int r = 0; r < ranks; ++r) {
    const std::int64_t begin = n * r / ranks, end = n * (r + 1) / ranks;
    parts.push_back(values(data + begin, end - begin));
  }
  return parts;
}

// The rank's own part is in its place.
template <class T>
void gather_parts(comm::Group& group, Topology topology, const comm::Parts<T>& parts) {
  comm::Parts<std::byte> bytes;
  bytes.reserve(parts.size());
  for (const std::span<T>& part : parts) bytes.push_back(std::as_writable_bytes(part));
  gather_along(group, wiring(topology), bytes);
}

// Sums in float32, also of bfloat16; `mine` gets this rank's part, rounded once.
template <class T>
void reduce_parts(comm::Group& group, Topology topology, const T* from, std::int64_t n, T* mine) {
  static thread_local std::vector<float> sums;
  sums.resize(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < sums.size(); ++i) {
    if constexpr (std::is_same_v<T, bf16>) {
      sums[i] = bf16_to_float(from[i]);
    } else {
      sums[i] = from[i];
    }
  }
  const auto parts = parts_of(sums.data(), n, group.size());
  reduce_along(group, wiring(topology), parts);
  const std::span<float> own = parts[static_cast<std::size_t>(group.rank())];
  for (std::size_t i = 0; i < own.size(); ++i) {
    if constexpr (std::is_same_v<T, bf16>) {
      mine[i] = float_to_bf16(own[i]);
    } else {
      mine[i] = own[i];
    }
  }
}

}  // namespace

void AllGather::run_ref(Inputs in, Outputs out) const {
  const Slices s = slices(in[0].logical_shape(), dim);
  const std::int64_t n = in[0].logical_shape().volume(), all = n * group->size();
  with_rows(out[0], [&]<class T>(T* to) {
    const T* from = in[0].data<const T>();
    T* gathered = s.outer == 1 ? to : scratch<T>(all);
    if (topology == Topology::Direct) {
      group->all_gather<T>(values(from, n), values(gathered, all));
    } else {
      std::memcpy(gathered + n * group->rank(), from, static_cast<std::size_t>(n) * sizeof(T));
      gather_parts(*group, topology, parts_of(gathered, all, group->size()));
    }
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
    if (topology == Topology::Direct) {
      group->reduce_scatter(values(from, all), values(to, n));
    } else {
      reduce_parts(*group, topology, from, all, to);
    }
  });
}

void AllReduce::run_ref(Inputs in, Outputs out) const {
  const std::int64_t n = in[0].logical_shape().volume();
  with_rows(out[0], [&]<class T>(T* to) {
    if (topology == Topology::Direct) {
      std::memcpy(to, in[0].data<const T>(), static_cast<std::size_t>(n) * sizeof(T));
      group->all_reduce(values(to, n));
    } else {
      const auto parts = parts_of(to, n, group->size());
      reduce_parts(*group, topology, in[0].data<const T>(), n,
                   parts[static_cast<std::size_t>(group->rank())].data());
      gather_parts(*group, topology, parts);
    }
  });
}

}  // namespace tessera
