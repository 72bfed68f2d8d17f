#pragma once
// What the ops of a step move and compute, taken from dispatch on the meta engine: the input of the speed
// model.
#include <cstdint>
#include <string>
#include <vector>

#include "plan/planned_model.hpp"
#include "tensor/dtype.hpp"

namespace tessera::plan {

/// One op of one chip. Tiles are multiplications of 32x32 tiles.
struct OpWork {
  enum class Kind { Linear, Attention, Collective, Other };
  Kind kind = Kind::Other;
  std::string op, path;          // "linear", "layers.0.mlp.gate_proj"
  std::int64_t rows = 0;         // of the input: users, or tokens
  std::int64_t row_tiles = 0;    // rows / 32, rounded up
  std::int64_t col_tiles = 0;    // Linear: of the output
  std::int64_t inner_tiles = 0;  // Linear: K / 32
  DataType weight = DataType::BFLOAT16;
  std::int64_t weight_bytes = 0;      // Linear: as packed
  std::int64_t activation_bytes = 0;  // read and written
  // Attention, of one chip.
  std::int64_t heads = 0, kv_heads = 0, head_tiles = 0;  // head_tiles: head_dim / 32
  std::int64_t users = 0;
  std::int64_t position_bytes = 0;  // of the keys and values of one position of one user
  int phases = 4;                   // of its fidelity; HiFi4 where none is given
  std::int64_t start = 0;           // prefill: position of row 0
  // Collective.
  int chips = 1;
  bool one_pass = false;   // an all_gather or a reduce_scatter; otherwise an all_reduce, which is both
  std::int64_t bytes = 0;  // of the whole tensor that is summed or put together
};

/// A decode step of so many users, with the argmax of its logits.
std::vector<OpWork> decode_work(const PlannedModel& model, int users);

/// One chunk of `rows` tokens of one user from position `start`, without the head.
std::vector<OpWork> prefill_work(const PlannedModel& model, int rows, std::int64_t start);

/// The head over the last tile of a prompt.
std::vector<OpWork> head_work(const PlannedModel& model, const ChipPart& part);

}  // namespace tessera::plan
