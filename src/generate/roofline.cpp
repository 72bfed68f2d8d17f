#include "generate/roofline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "ops/sdpa/sdpa.hpp"

namespace tessera::generate {
namespace {

double size_of(const Tensor& tensor) {
  return tensor.is_allocated() ? static_cast<double>(tensor.bytes().size()) : 0;
}

double sum_of(const std::vector<Tensor>& tensors) {
  double sum = 0;
  for (const Tensor& tensor : tensors) sum += size_of(tensor);
  return sum;
}

// Decode reads the visible positions of a cache, which the work tells: 4 operations for each value of q and
// each visible position. The heads that share keys read them once.
double cache_bytes(const OpEvent& event, double operations) {
  const Shape& q = event.inputs[0].logical_shape();
  const Tensor& k = event.inputs[1];
  const double heads = static_cast<double>(q[2]), kv_heads = static_cast<double>(k.logical_shape()[1]);
  const double value = size_of(k) / static_cast<double>(k.logical_shape().volume());
  return operations / 4 * kv_heads / heads * value * 2;
}

double moved_bytes(const OpEvent& event, double operations) {
  const std::string_view op = event.op.name();
  if (op == "reshape") return 0;  // a view
  if (transformer::is_attention(op)) {
    if (op.ends_with("_decode"))
      return size_of(event.inputs[0]) + sum_of(event.outputs) + cache_bytes(event, operations);
    return sum_of(event.inputs) + sum_of(event.outputs);
  }
  if (op == "linear" || op == "matmul" || op == "argmax" || op == "topk")
    return sum_of(event.inputs) + sum_of(event.outputs);
  const int in_place = event.op.in_place_input();
  double inputs = 0;
  const double written = in_place < 0 ? sum_of(event.outputs) : 0;
  for (int i = 0; i < static_cast<int>(event.inputs.size()); ++i) {
    // A gather reads of its table what it writes.
    const double size = size_of(event.inputs[static_cast<std::size_t>(i)]);
    if (i != in_place) inputs += in_place < 0 ? std::min(size, written) : size;
  }
  return in_place < 0 ? inputs + written : 2 * inputs;
}

}  // namespace

double OpClass::compute_seconds(const MachinePeaks& peaks) const {
  const bool as_integers = integers && peaks.int16_op_s > 0;
  return operations / (as_integers ? peaks.int16_op_s : peaks.fp32_flop_s);
}

double OpClass::fraction(const MachinePeaks& peaks) const {
  return std::max(memory_seconds(peaks), compute_seconds(peaks)) / seconds;
}

double total_seconds(const std::vector<OpClass>& classes) {
  double sum = 0;
  for (const OpClass& op : classes) sum += op.seconds;
  return sum;
}

double StepRoofline::bytes() const {
  double sum = 0;
  for (const OpClass& op : classes) sum += op.bytes;
  return sum;
}

void RooflineObserver::after(const OpEvent& event) {
  const bool linear = event.op.name() == "linear";
  std::string name(event.op.name());
  if (linear) name += fmt::format(" {}", to_string(event.inputs[1].dtype()));
  OpClass& op = classes_[name];
  std::vector<Tensor> outputs = event.outputs;
  const double operations = event.op.flops(event.inputs, outputs);
  op.name = name;
  op.calls += 1;
  op.seconds += event.seconds;
  op.operations += operations;
  op.bytes += moved_bytes(event, operations);
  op.integers = linear && is_block_float(event.inputs[1].dtype());
}

std::vector<OpClass> RooflineObserver::classes() const {
  std::vector<OpClass> list;
  list.reserve(classes_.size());
  for (const auto& [name, op] : classes_) list.push_back(op);
  std::ranges::sort(list, std::ranges::greater{}, &OpClass::seconds);
  return list;
}

}  // namespace tessera::generate
