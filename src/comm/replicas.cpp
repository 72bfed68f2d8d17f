#include "comm/replicas.hpp"

#include <numeric>

#include "util/error.hpp"

namespace tessera::comm {

MeshShape replica_shape(const MeshShape& mesh, int count) {
  const int rows = count > 0 ? std::gcd(mesh.rows, count) : 1;
  check(count > 0 && mesh.cols % (count / rows) == 0,
        "data parallel {} on a mesh {}: give a divisor of its {} chips that cuts rows or columns evenly",
        count, to_string(mesh), mesh.chips());
  return {mesh.rows / rows, mesh.cols / (count / rows)};
}

ReplicaGroup replica_of(const Chip& chip, const MeshShape& mesh, int count) {
  const MeshShape part = replica_shape(mesh, count);
  const MeshCoordinate at{chip.at.row / part.rows, chip.at.col / part.cols};
  std::vector<int> ranks;
  for (int r = 0; r < part.rows; ++r) {
    for (int c = 0; c < part.cols; ++c)
      ranks.push_back((at.row * part.rows + r) * mesh.cols + at.col * part.cols + c);
  }
  return {at.row * (mesh.cols / part.cols) + at.col, chip.mesh->subgroup(ranks)};
}

}  // namespace tessera::comm
