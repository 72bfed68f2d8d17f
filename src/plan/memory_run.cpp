#include "plan/memory_run.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "device/trace.hpp"
#include "ops/argmax/argmax.hpp"
#include "ops/copy/copy.hpp"
#include "ops/plus_one/plus_one.hpp"
#include "ops/slice/slice.hpp"
#include "util/error.hpp"

namespace tessera::plan {
namespace {

Tensor last_row(const Tensor& hidden) {
  const Shape& shape = hidden.logical_shape();
  const std::array<std::int64_t, 4> begin{0, 0, shape[2] - 1, 0}, end{1, 1, shape[2], shape[3]};
  return slice(hidden, begin, end);
}

// The chunks of a prompt that can be the most: the first, the last whole one and the rest. Those between are
// like the last whole one, with fewer pages.
std::vector<std::int64_t> telling_chunks(std::int64_t prompt, std::int64_t chunk) {
  std::vector<std::int64_t> starts{0};
  const std::int64_t rest = (prompt - 1) / chunk * chunk;
  if (rest > chunk) starts.push_back(rest - chunk);
  if (rest > 0) starts.push_back(rest);
  return starts;
}

// Generator::prefill and the greedy sample of its logits.
void prefill(const PlannedModel& model, nn::KvCache& cache, const MemoryRequest& request) {
  const std::int64_t prompt = request.prompt > 0 ? request.prompt : request.context;
  const std::int64_t chunk = request.chunk > 0 ? request.chunk : prompt;
  cache.reserve(0, prompt);
  Tensor logits;
  {
    Tensor hidden;
    for (const std::int64_t start : telling_chunks(prompt, chunk)) {
      const std::vector<std::int32_t> ids(static_cast<std::size_t>(std::min(chunk, prompt - start)), 0);
      hidden = model.prefill(ids, cache, 0, start);
    }
    logits = model.logits(last_row(hidden));
  }
  argmax(logits);
}

// generate::TracedStep: what it keeps while it lives.
class CapturedStep {
 public:
  CapturedStep(const PlannedModel& model, nn::KvCache& cache, int rows) : device_(model.device()) {
    const std::vector<std::int32_t> nothing(static_cast<std::size_t>(rows), 0);
    ids_ = to_device(device_, nothing, {Shape{1, rows}, DataType::INT32, Layout::ROW_MAJOR});
    positions_ = to_device(device_, nothing, {Shape{rows}, DataType::INT32, Layout::ROW_MAJOR});
    trace_ = begin_trace_capture(device_);
    try {
      logits_ = model.decode(ids_, positions_, cache);
      next_ = argmax(logits_);
      copy(next_, ids_);
      plus_one(positions_);
      end_trace_capture(device_, trace_);
    } catch (...) {
      abandon_trace_capture(device_);
      throw;
    }
  }
  ~CapturedStep() { release_trace(device_, trace_); }
  CapturedStep(const CapturedStep&) = delete;
  CapturedStep& operator=(const CapturedStep&) = delete;

 private:
  Device& device_;
  Tensor ids_, positions_, logits_, next_;
  TraceId trace_ = 0;
};

}  // namespace

MemoryUse run_memory(const ModelFacts& facts, const ChipPart& part, const models::Precision& precision,
                     const SpecSheet& chip, const MemoryRequest& request) {
  check(request.batch >= 1 && request.batch <= 32, "plan: a batch of {}: 1 to 32 users are supported",
        request.batch);
  check(request.context >= 1 && request.prompt <= request.context,
        "plan: a context of {} for prompts of {}: a longer context expected", request.context,
        request.prompt);
  const auto device = Device::open(chip.name, Engine::Meta);
  const auto model = build_planned_model(*device, facts, part, precision, request.context);
  nn::KvCacheConfig config = model->cache_config(request.batch, request.context);
  config.block_size = request.block_size;
  nn::KvCache cache(*device, config);
  prefill(*model, cache, request);
  const CapturedStep step(*model, cache, request.batch);
  prefill(*model, cache, request);

  const MemoryAccount& memory = device->memory();
  MemoryUse use;
  use.weights = memory.allocated(MemoryKind::Weights);
  use.tables = memory.allocated(MemoryKind::Tables);
  use.kv_cache = memory.allocated(MemoryKind::KvCache);
  use.trace = memory.allocated(MemoryKind::Trace);
  use.peak = memory.peak();
  use.activations = use.peak - use.weights - use.tables - use.kv_cache - use.trace;
  use.needed = memory.high_water();
  use.banks = chip.dram_banks;
  return use;
}

std::int64_t kv_bytes_per_token(const ChipPart& part, const models::Precision& precision) {
  const TensorSpec tile_rows{Shape{1, part.config.num_key_value_heads, kTileSize, part.config.head_dim},
                             precision.kv_cache, Layout::TILE};
  return 2 * part.config.num_hidden_layers * tile_rows.packed_bytes() / kTileSize;
}

}  // namespace tessera::plan
