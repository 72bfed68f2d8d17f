#pragma once
// Does a model fit a device, how far does it reach, how fast will it be.
#include <cstdint>
#include <string>
#include <vector>

#include "plan/limits.hpp"
#include "plan/predict.hpp"

namespace tessera::plan {

struct PlanRequest {
  std::string model = {};
  std::string device = "n150";
  std::string precision = "accuracy";
  int batch = 1;
  int context = 0;   // 0: 4096, or the model's limit
  int prompt = 128;  // tokens of the prompt whose first token is timed
  int chips = 0;     // of one tensor-parallel model; 0: all of the device
  int chunk = 2048;  // of a prefill
};

/// One way to lay the model over the device.
struct Layout {
  int tensor_parallel = 1;  // chips of one copy
  nn::TensorPlan plan = {};
  int copies = 1;    // data parallel
  MemoryUse memory;  // of one chip
  std::int64_t capacity = 0;
  Speed speed;  // zero for a device without a bandwidth

  bool fits() const { return memory.needed <= capacity; }
  std::int64_t free() const { return capacity - memory.needed; }
};

struct BatchLimit {
  int batch = 1, context = 0;
};

struct Plan {
  PlanRequest request;  // with what was left open filled in
  ModelFacts facts;
  const SpecSheet* sheet = nullptr;
  models::Precision precision;        // of the memory
  models::Precision speed_precision;  // of the speed: TT-Transformers' preset of the same name
  double parameters = 0;
  Layout chosen;
  std::vector<Layout> layouts;                    // all degrees of the device, the chosen one too
  std::vector<BatchLimit> limits;                 // of the chosen layout
  std::int64_t kv_bytes_per_token = 0;            // of one chip
  std::vector<OpWork> decode_work, prefill_work;  // of the chosen layout, one chip
  std::vector<std::string> advice;

  bool has_speed() const { return sheet->dram_bandwidth_gb_s > 0; }
  int max_context() const;  // for the plan's batch
};

/// Throws UserError for an unknown model, device or precision, or a request that no device could meet.
Plan make_plan(const PlanRequest& request);
/// The same for a model that has been read.
Plan make_plan(const PlanRequest& request, const ModelFacts& facts);

}  // namespace tessera::plan
