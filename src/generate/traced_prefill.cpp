#include "generate/traced_prefill.hpp"

#include <array>
#include <vector>

#include "ops/copy/copy.hpp"
#include "ops/embedding/embedding.hpp"

namespace tessera::generate {
namespace {

Tensor integers(Device& device, const Shape& shape) {
  const std::vector<std::int32_t> none(static_cast<std::size_t>(shape.volume()), 0);
  return to_device(device, none, {shape, DataType::INT32, Layout::ROW_MAJOR});
}

}  // namespace

TracedPrefill::TracedPrefill(const nn::CausalLm& model, nn::KvCache& cache, int rows)
    : device_(model.device()), cache_(cache), rows_(rows) {
  const int block = cache.config().block_size;
  ids_ = integers(device_, {1, rows});
  last_ = integers(device_, {1});
  pages_ = integers(device_, {1, (rows + block - 1) / block});
  trace_ = begin_trace_capture(device_, current_queue());
  try {
    // The last row by its number, as an embedding: a slice would fix it in the trace.
    logits_ = model.logits(embedding(last_, model.prefill(ids_, pages_, cache)));
    end_trace_capture(device_, trace_, current_queue());
  } catch (...) {
    abandon_trace_capture(device_);
    throw;
  }
}

TracedPrefill::~TracedPrefill() {
  release_trace(device_, trace_);
}

const Tensor& TracedPrefill::run(std::span<const std::int32_t> prompt, int user) {
  std::vector<std::int32_t> padded(prompt.begin(), prompt.end());
  padded.resize(static_cast<std::size_t>(rows_), 0);
  const std::array<std::int32_t, 1> last{static_cast<std::int32_t>(prompt.size()) - 1};
  copy_to_device(padded, ids_);
  copy_to_device(last, last_);
  copy(cache_.pages_of(user, 0, rows_), pages_);
  execute_trace(device_, trace_, current_queue(), false);
  return logits_;
}

}  // namespace tessera::generate
