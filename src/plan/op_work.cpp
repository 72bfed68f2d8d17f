#include "plan/op_work.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "ops/argmax/argmax.hpp"
#include "ops/ccl/ccl_op.hpp"
#include "ops/dispatch.hpp"
#include "ops/op_call.hpp"
#include "ops/sdpa/sdpa.hpp"
#include "ops/slice/slice.hpp"

namespace tessera::plan {
namespace {

std::int64_t tiles(std::int64_t n) {
  return (n + kTileSize - 1) / kTileSize;
}

bool is_prefill_attention(std::string_view op) {
  return op == "scaled_dot_product_attention" || op == "chunked_scaled_dot_product_attention";
}

class WorkRecorder final : public OpObserver {
 public:
  explicit WorkRecorder(std::int64_t start) : start_(start) {}

  void after(const OpEvent& event) override {
    OpWork work;
    work.op = event.op.name();
    work.path = event.path;
    const Shape& x = event.inputs[0].logical_shape();
    work.rows = x.rows();
    work.row_tiles = tiles(work.rows);
    if (work.op == "linear") {
      read_linear(event, work);
    } else if (work.op == "sparse_matmul") {
      read_experts(event, work);
    } else if (transformer::is_attention(work.op)) {
      read_attention(event, work);
    } else if (const auto* collective = dynamic_cast<const Collective*>(&event.op)) {
      work.kind = OpWork::Kind::Collective;
      work.chips = collective->group->size();
      work.one_pass = work.op != "all_reduce";
      work.bytes = std::max(event.inputs[0].spec().packed_bytes(), event.outputs[0].spec().packed_bytes());
    }
    // A view moves nothing.
    if (work.op == "reshape") return;
    for (const auto* tensors : {&event.inputs, &event.outputs}) {
      for (const Tensor& t : *tensors) {
        if (t.is_allocated() && !t.is_constant() && !is_cache(t))
          work.activation_bytes += t.spec().packed_bytes();
      }
    }
    done.push_back(std::move(work));
  }

  std::vector<OpWork> done;

 private:
  // The only four-dimensional tensors with pages in front.
  static bool is_cache(const Tensor& t) {
    const Shape& shape = t.logical_shape();
    return shape.rank() == 4 && shape[0] > 1;
  }

  static void read_linear(const OpEvent& event, OpWork& work) {
    const Tensor& weight = event.inputs[1];
    work.kind = OpWork::Kind::Linear;
    work.inner_tiles = tiles(weight.logical_shape()[-2]);
    work.col_tiles = tiles(weight.logical_shape()[-1]);
    work.weight = weight.dtype();
    work.weight_bytes = weight.spec().packed_bytes();
  }

  // The experts that rows who choose at random leave idle are not read; the others share the rows.
  static void read_experts(const OpEvent& event, OpWork& work) {
    const Shape& picks = event.inputs[1].logical_shape();
    const Tensor& expert = event.inputs[2];
    const auto experts = static_cast<double>(event.inputs.size() - 2);
    const double idle = std::pow(1 - static_cast<double>(picks[3]) / experts, static_cast<double>(picks[2]));
    const auto used = static_cast<std::int64_t>(std::ceil(experts * (1 - idle) - 1e-9));
    work.kind = OpWork::Kind::Linear;
    work.rows = picks[2];
    work.row_tiles = used * tiles((picks.volume() + used - 1) / used);
    work.inner_tiles = tiles(expert.logical_shape()[0]);
    work.col_tiles = tiles(expert.logical_shape()[1]);
    work.weight = expert.dtype();
    work.weight_bytes = used * expert.spec().packed_bytes();
  }

  void read_attention(const OpEvent& event, OpWork& work) const {
    const Shape& q = event.inputs[0].logical_shape();
    const Tensor& k = event.inputs[1];
    const bool prefill = is_prefill_attention(work.op);
    work.kind = OpWork::Kind::Attention;
    work.heads = prefill ? q[1] : q[2];
    work.kv_heads = k.logical_shape()[1];
    work.users = prefill ? 1 : q[1];
    work.rows = prefill ? q[2] : 1;
    work.row_tiles = tiles(work.rows);
    work.head_tiles = tiles(q[3]);
    work.start = start_;
    const auto call = describe_call(event.op);
    if (call && call->options.compute_kernel_config)
      work.phases = fidelity_phases(call->options.compute_kernel_config->math_fidelity);
    const TensorSpec tile_rows{Shape{1, work.kv_heads, kTileSize, q[3]}, k.dtype(), Layout::TILE};
    work.position_bytes = 2 * tile_rows.packed_bytes() / kTileSize;
  }

  std::int64_t start_;
};

}  // namespace

std::vector<OpWork> decode_work(const PlannedModel& model, int users) {
  nn::KvCache cache(model.device(), model.cache_config(users, static_cast<int>(kTileSize)));
  for (int user = 0; user < users; ++user) cache.reserve(user, 1);
  const std::vector<std::int32_t> nothing(static_cast<std::size_t>(users), 0);
  const Tensor ids =
      to_device(model.device(), nothing, {Shape{1, users}, DataType::INT32, Layout::ROW_MAJOR});
  const Tensor at = to_device(model.device(), nothing, {Shape{users}, DataType::INT32, Layout::ROW_MAJOR});
  WorkRecorder recorder(0);
  const ObserverScope scope(recorder);
  argmax(model.decode(ids, at, cache));
  return std::move(recorder.done);
}

std::vector<OpWork> prefill_work(const PlannedModel& model, int rows, std::int64_t start) {
  nn::KvCache cache(model.device(), model.cache_config(1, static_cast<int>(start) + rows));
  cache.reserve(0, start + rows);
  const std::vector<std::int32_t> ids(static_cast<std::size_t>(rows), 0);
  WorkRecorder recorder(start);
  const ObserverScope scope(recorder);
  model.prefill(ids, cache, 0, start);
  return std::move(recorder.done);
}

std::vector<OpWork> head_work(const PlannedModel& model, const ChipPart& part) {
  const Tensor hidden = allocate_tensor_on_device(
      model.device(), {Shape{1, 1, kTileSize, part.hidden}, DataType::BFLOAT16, Layout::TILE});
  WorkRecorder recorder(0);
  const ObserverScope scope(recorder);
  argmax(model.logits(hidden));
  return std::move(recorder.done);
}

}  // namespace tessera::plan
