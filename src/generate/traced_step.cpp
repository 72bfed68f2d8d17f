#include "generate/traced_step.hpp"

#include <algorithm>

#include "ops/argmax/argmax.hpp"
#include "ops/copy/copy.hpp"
#include "ops/plus_one/plus_one.hpp"

namespace tessera::generate {
namespace {

bool same(const std::vector<std::int32_t>& held, std::span<const std::int32_t> wanted) {
  return std::ranges::equal(held, wanted);
}

}  // namespace

StepOutputs feed_step(const nn::CausalLm& model, const Tensor& ids, const Tensor& positions,
                      nn::KvCache& cache) {
  StepOutputs outputs;
  outputs.logits = model.decode(ids, positions, cache);
  outputs.next = argmax(outputs.logits);
  copy(outputs.next, ids);
  plus_one(positions);
  return outputs;
}

TracedStep::TracedStep(const nn::CausalLm& model, nn::KvCache& cache, int rows) : device_(model.device()) {
  const std::vector<std::int32_t> nothing(static_cast<std::size_t>(rows), 0);
  ids_ = to_device(device_, nothing, {Shape{1, rows}, DataType::INT32, Layout::ROW_MAJOR});
  positions_ = to_device(device_, nothing, {Shape{rows}, DataType::INT32, Layout::ROW_MAJOR});
  trace_ = begin_trace_capture(device_);
  try {
    const StepOutputs outputs = feed_step(model, ids_, positions_, cache);
    logits_ = outputs.logits;
    next_ = outputs.next;
    end_trace_capture(device_, trace_);
  } catch (...) {
    abandon_trace_capture(device_);
    throw;
  }
}

TracedStep::~TracedStep() {
  release_trace(device_, trace_);
}

void TracedStep::run(std::span<const std::int32_t> tokens, std::span<const std::int32_t> positions) {
  if (!same(held_tokens_, tokens)) copy_to_device(tokens, ids_);
  replay(positions);
}

void TracedStep::run_from(const Tensor& tokens, std::span<const std::int32_t> positions) {
  copy(tokens, ids_);
  consumed_ = record_event(device_, current_queue());
  replay(positions);
}

void TracedStep::replay(std::span<const std::int32_t> positions) {
  if (!same(held_positions_, positions)) {
    copy_to_device(positions, positions_);
    held_positions_.assign(positions.begin(), positions.end());
  }
  held_tokens_.clear();
  execute_trace(device_, trace_, current_queue(), false);
  for (std::int32_t& position : held_positions_) position += position >= 0 ? 1 : 0;
}

}  // namespace tessera::generate
