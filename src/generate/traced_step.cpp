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

TracedStep::TracedStep(const nn::CausalLm& model, nn::KvCache& cache, int rows) : device_(model.device()) {
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
