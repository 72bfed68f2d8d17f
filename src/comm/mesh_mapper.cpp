#include "comm/mesh_mapper.hpp"

#include <algorithm>
#include <utility>

#include "util/error.hpp"

namespace tessera::comm {
namespace {

bool is_integer(const HostTensor& tensor) {
  return tensor.spec().dtype == DataType::UINT32 || tensor.spec().dtype == DataType::INT32;
}

int axis_of(const Shape& shape, int dim) {
  const int d = dim < 0 ? dim + shape.rank() : dim;
  check(d >= 0 && d < shape.rank(), "mesh mapper: dim {} of a tensor {}: give one of its dimensions", dim,
        to_string(shape));
  return d;
}

// A dimension is `size` slices of `run` values, `outer` times over.
struct Slices {
  std::int64_t outer = 1, size = 1, run = 1;

  Slices(const Shape& shape, int axis) : size(shape[axis]) {
    for (int i = 0; i < axis; ++i) outer *= shape[i];
    for (int i = axis + 1; i < shape.rank(); ++i) run *= shape[i];
  }
};

template <class T>
std::vector<T> take(const std::vector<T>& values, const Slices& s, std::int64_t first, std::int64_t count) {
  std::vector<T> part;
  part.reserve(static_cast<std::size_t>(s.outer * count * s.run));
  for (std::int64_t o = 0; o < s.outer; ++o) {
    const auto begin = values.begin() + (o * s.size + first) * s.run;
    part.insert(part.end(), begin, begin + count * s.run);
  }
  return part;
}

template <class T>
std::vector<T> join(const std::vector<std::vector<T>>& parts, const Slices& s) {
  std::vector<T> all;
  for (std::int64_t o = 0; o < s.outer; ++o) {
    for (const auto& part : parts) {
      const auto begin = part.begin() + o * s.size * s.run;
      all.insert(all.end(), begin, begin + s.size * s.run);
    }
  }
  return all;
}

HostTensor part_along(const HostTensor& tensor, int dim, int index, int count) {
  TensorSpec spec = tensor.spec();
  const int axis = axis_of(spec.logical_shape, dim);
  const Slices slices(spec.logical_shape, axis);
  check(slices.size % count == 0, "mesh mapper: dim {} of {} over {} chips: a multiple expected: pad it", dim,
        to_string(spec), count);
  const std::int64_t each = slices.size / count;
  spec.logical_shape[axis] = each;
  if (is_integer(tensor)) {
    const auto part = take(tensor.to_int_vector(), slices, index * each, each);
    return HostTensor::from_vector(std::span<const std::int32_t>(part), spec);
  }
  const auto part = take(tensor.to_vector(), slices, index * each, each);
  return HostTensor::from_vector(std::span<const float>(part), spec);
}

HostTensor join_along(std::span<const HostTensor> parts, int dim) {
  TensorSpec spec = parts[0].spec();
  const int axis = axis_of(spec.logical_shape, dim);
  const Slices slices(spec.logical_shape, axis);
  spec.logical_shape[axis] *= static_cast<std::int64_t>(parts.size());
  if (is_integer(parts[0])) {
    std::vector<std::vector<std::int32_t>> values;
    for (const HostTensor& part : parts) values.push_back(part.to_int_vector());
    const auto all = join(values, slices);
    return HostTensor::from_vector(std::span<const std::int32_t>(all), spec);
  }
  std::vector<std::vector<float>> values;
  for (const HostTensor& part : parts) values.push_back(part.to_vector());
  const auto all = join(values, slices);
  return HostTensor::from_vector(std::span<const float>(all), spec);
}

}  // namespace

MeshMapper replicate_tensor_to_mesh_mapper(const MeshShape& mesh) {
  return {mesh, {}};
}

MeshMapper shard_tensor_to_mesh_mapper(const MeshShape& mesh, int dim) {
  return {mesh, {dim, dim}};
}

MeshMapper shard_tensor_to_mesh_mapper(const MeshShape& mesh, int dim, int axis) {
  check(axis == 0 || axis == 1, "mesh mapper: axis {}: 0 (rows) or 1 (columns) expected", axis);
  MeshMapper mapper{mesh, {}};
  mapper.placements[static_cast<std::size_t>(axis)] = dim;
  return mapper;
}

HostTensor distribute_tensor(const HostTensor& tensor, const MeshMapper& mapper, int rank) {
  const MeshShape& mesh = mapper.mesh;
  check(rank >= 0 && rank < mesh.chips(), "mesh mapper: chip {} of a mesh {}: give one of them", rank,
        to_string(mesh));
  HostTensor part = tensor;
  if (mapper.placements[0]) part = part_along(part, *mapper.placements[0], rank / mesh.cols, mesh.rows);
  if (mapper.placements[1]) part = part_along(part, *mapper.placements[1], rank % mesh.cols, mesh.cols);
  return part;
}

std::vector<HostTensor> distribute_tensor(const HostTensor& tensor, const MeshMapper& mapper) {
  std::vector<HostTensor> parts;
  for (int rank = 0; rank < mapper.mesh.chips(); ++rank)
    parts.push_back(distribute_tensor(tensor, mapper, rank));
  return parts;
}

HostTensor aggregate_tensor(std::span<const HostTensor> parts, const MeshMapper& mapper) {
  const MeshShape& mesh = mapper.mesh;
  check(static_cast<int>(parts.size()) == mesh.chips(),
        "mesh composer: {} parts of a mesh {}: give {}, one a chip", parts.size(), to_string(mesh),
        mesh.chips());
  for (const HostTensor& part : parts) {
    check(part.spec() == parts[0].spec(), "mesh composer: parts {} and {}: equal ones expected",
          to_string(parts[0].spec()), to_string(part.spec()));
  }
  std::vector<HostTensor> rows;
  for (int r = 0; r < mesh.rows; ++r) {
    const auto row =
        parts.subspan(static_cast<std::size_t>(r * mesh.cols), static_cast<std::size_t>(mesh.cols));
    rows.push_back(mapper.placements[1] ? join_along(row, *mapper.placements[1]) : row[0]);
  }
  return mapper.placements[0] ? join_along(rows, *mapper.placements[0]) : rows[0];
}

std::vector<HostTensor> gather_tensors(const HostTensor& mine, Group& group) {
  const std::size_t each = mine.bytes().size();
  std::vector<std::byte> all(each * static_cast<std::size_t>(group.size()));
  group.all_gather(mine.bytes(), std::span(all));
  std::vector<HostTensor> parts;
  for (int r = 0; r < group.size(); ++r) {
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(r) * each);
    parts.emplace_back(mine.spec(), std::vector<std::byte>(begin, begin + static_cast<std::ptrdiff_t>(each)));
  }
  return parts;
}

}  // namespace tessera::comm
