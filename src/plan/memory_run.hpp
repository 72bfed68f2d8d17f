#pragma once
// What a model takes of one chip's memory, read off a run on the meta engine that makes the generator's own
// calls: the same allocations in the same order, so that the figures are those of a run, to the byte.
#include <cstdint>

#include "plan/model_facts.hpp"
#include "plan/planned_model.hpp"

namespace tessera::plan {

struct MemoryRequest {
  int batch = 1;    // 1..32
  int context = 0;  // positions a user
  int prompt = 0;   // tokens of the longest prompt; 0: the whole context
  int chunk = 0;    // prompts longer than this are prefilled in chunks; 0: whole
  int block_size = 32;
};

/// Bytes over all banks of one chip.
struct MemoryUse {
  std::int64_t weights = 0, tables = 0, kv_cache = 0, trace = 0;
  std::int64_t activations = 0;  // what the peak has beyond those
  std::int64_t peak = 0;
  std::int64_t needed = 0;  // what the banks must have: the peak and the gaps below the highest block
  int banks = 1;
};

/// Loads the part, makes the cache, prefills a prompt of every user (from a trace where the generator would),
/// captures a decode step of `batch` users, and prefills again while the traces are held. `chip`: a sheet of
/// one chip. Throws UserError as the ops do.
MemoryUse run_memory(const ModelFacts& facts, const ChipPart& part, const models::Precision& precision,
                     const SpecSheet& chip, const MemoryRequest& request);

/// Bytes of keys and values that one position of one user takes on one chip, in whole tiles.
std::int64_t kv_bytes_per_token(const ChipPart& part, const models::Precision& precision);

}  // namespace tessera::plan
