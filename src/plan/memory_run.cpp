#include "plan/memory_run.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <vector>

#include "device/trace.hpp"
#include "ops/argmax/argmax.hpp"
#include "ops/copy/copy.hpp"
#include "ops/embedding/embedding.hpp"
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

Tensor integers(Device& device, const Shape& shape) {
  const std::vector<std::int32_t> none(static_cast<std::size_t>(shape.volume()), 0);
  return to_device(device, none, {shape, DataType::INT32, Layout::ROW_MAJOR});
}

// What begin_trace_capture and end_trace_capture enclose, and the trace that they leave.
class Capture {
 public:
  Capture(Device& device, const std::function<void()>& calls) : device_(device) {
    trace_ = begin_trace_capture(device_);
    try {
      calls();
      end_trace_capture(device_, trace_);
    } catch (...) {
      abandon_trace_capture(device_);
      throw;
    }
  }
  ~Capture() { release_trace(device_, trace_); }
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

 private:
  Device& device_;
  TraceId trace_ = 0;
};

// generate::TracedStep: what it keeps while it lives.
struct CapturedStep {
  Tensor ids, positions, logits, next;
  std::optional<Capture> trace;

  CapturedStep(const PlannedModel& model, nn::KvCache& cache, int rows)
      : ids(integers(model.device(), {1, rows})), positions(integers(model.device(), {rows})) {
    trace.emplace(model.device(), [&] {
      logits = model.decode(ids, positions, cache);
      next = argmax(logits);
      copy(next, ids);
      plus_one(positions);
    });
  }
};

// generate::TracedPrefill.
struct CapturedPrefill {
  Tensor ids, last, pages, logits;
  std::optional<Capture> trace;

  CapturedPrefill(const PlannedModel& model, nn::KvCache& cache, std::int64_t rows) {
    const int block = cache.config().block_size;
    ids = integers(model.device(), {1, rows});
    last = integers(model.device(), {1});
    pages = integers(model.device(), {1, (rows + block - 1) / block});
    trace.emplace(model.device(),
                  [&] { logits = model.logits(embedding(last, model.prefill(ids, pages, cache))); });
  }
};

// generate::Generator over prompts of one length.
class Calls {
 public:
  Calls(const PlannedModel& model, const MemoryRequest& request)
      : model_(model), prompt_(request.prompt > 0 ? request.prompt : request.context), request_(request) {
    nn::KvCacheConfig config = model.cache_config(request.batch, request.context);
    config.block_size = request.block_size;
    cache_.emplace(model.device(), config);
  }

  // A prompt and the greedy sample of its logits: the first of a length runs eagerly, later ones from a
  // trace.
  void prefill(int user) {
    cache_->reserve(user, prompt_);
    if (!is_traced()) {
      argmax(prefill_eagerly(user));
    } else if (!seen_) {
      seen_ = true;
      argmax(prefill_eagerly(user));
    } else {
      if (!prefill_trace_) prefill_trace_.emplace(model_, *cache_, padded());
      cache_->pages_of(user, 0, padded());
      argmax(last_row(prefill_trace_->logits));
    }
  }

  void capture_step() { step_.emplace(model_, *cache_, request_.batch); }

 private:
  std::int64_t padded() const { return (prompt_ + kTileSize - 1) / kTileSize * kTileSize; }

  // Generator::traced_prefill's conditions.
  bool is_traced() const {
    const bool whole = request_.chunk == 0 || prompt_ <= request_.chunk;
    return whole && padded() - prompt_ <= prompt_ / 16 && request_.block_size > 0 &&
           request_.block_size % kTileSize == 0 && padded() <= request_.context;
  }

  Tensor prefill_eagerly(int user) {
    const std::int64_t chunk = request_.chunk > 0 ? request_.chunk : prompt_;
    Tensor hidden;
    for (const std::int64_t start : telling_chunks(prompt_, chunk)) {
      const std::vector<std::int32_t> ids(static_cast<std::size_t>(std::min(chunk, prompt_ - start)), 0);
      hidden = model_.prefill(ids, *cache_, user, start);
    }
    return model_.logits(last_row(hidden));
  }

  const PlannedModel& model_;
  std::int64_t prompt_;
  MemoryRequest request_;
  std::optional<nn::KvCache> cache_;
  bool seen_ = false;
  std::optional<CapturedPrefill> prefill_trace_;
  std::optional<CapturedStep> step_;
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
  Calls calls(*model, request);
  // From the third prompt on nothing new is allocated.
  for (int user = 0; user < std::min(request.batch, 2); ++user) calls.prefill(user);
  calls.capture_step();
  calls.prefill(0);

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
