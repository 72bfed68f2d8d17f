#include "verify/op_case.hpp"

#include <fmt/format.h>

#include "metrics/compare_rows.hpp"
#include "ops/dispatch.hpp"
#include "util/error.hpp"

namespace tessera::verify {
namespace {

std::vector<bool> present(const OpCase& op_case) {
  std::vector<bool> result;
  result.reserve(op_case.inputs.size());
  for (const CaseInput& input : op_case.inputs) result.push_back(input.present);
  return result;
}

std::vector<Tensor> upload(const OpCase& op_case, Device& device) {
  std::vector<Tensor> tensors;
  for (const CaseInput& input : op_case.inputs) {
    Tensor tensor;
    if (input.present && is_integer(input.spec.dtype)) {
      tensor = to_device(device, std::span<const std::int32_t>(input.integers), input.spec);
    } else if (input.present) {
      tensor = to_device(device, std::span<const float>(input.values), input.spec, input.memory_config);
    }
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

// In float32 on the ref device: the given values, or, with `stored`, what those tensors hold.
std::vector<Tensor> reference_inputs(const OpCase& op_case, Device& device,
                                     const std::vector<Tensor>* stored) {
  std::vector<Tensor> tensors;
  for (std::size_t i = 0; i < op_case.inputs.size(); ++i) {
    const CaseInput& input = op_case.inputs[i];
    TensorSpec spec = input.spec;
    Tensor tensor;
    if (input.present && is_integer(spec.dtype)) {
      tensor = to_device(device, std::span<const std::int32_t>(input.integers), spec);
    } else if (input.present) {
      spec.dtype = DataType::FLOAT32;
      const std::vector<float> held = stored == nullptr ? input.values : (*stored)[i].to_vector();
      tensor = to_device(device, std::span<const float>(held), spec, input.memory_config);
    }
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

struct Rows {
  std::vector<float> values;
  std::size_t columns = 1;

  double off(const Rows& other) const {
    return metrics::compare_rows(values, other.values, columns).even.rel_l2;
  }

  // The same when each row of `other` may be divided by its own factor, the slope on this one's.
  double scatter(Rows other) const {
    for (std::size_t start = 0; start < values.size(); start += columns) {
      double both = 0, own = 0;
      for (std::size_t i = start; i < start + columns; ++i) {
        both += double{values[i]} * other.values[i];
        own += double{values[i]} * values[i];
      }
      // Of a row of zeros, or one that points elsewhere, a factor says nothing.
      if (!(both > 0)) continue;
      for (std::size_t i = start; i < start + columns; ++i)
        other.values[i] = static_cast<float>(other.values[i] * (own / both));
    }
    return off(other);
  }
};

Rows run(const OpCase& op_case, std::vector<Tensor> inputs) {
  for (const Tensor& output : dispatch(op_case.op->shared_from_this(), std::move(inputs))) {
    if (is_integer(output.dtype())) continue;
    return {output.to_vector(), static_cast<std::size_t>(output.logical_shape()[-1])};
  }
  return {};
}

}  // namespace

std::optional<LocalError> measure(const OpCase& op_case, Device& device) {
  const UnobservedScope unobserved;
  const auto reference = Device::open("cpu", Engine::Ref);
  const Rows wanted = run(op_case, reference_inputs(op_case, *reference, nullptr));
  if (wanted.values.empty()) return {};
  const std::vector<Tensor> held = upload(op_case, device);
  const Rows stored = run(op_case, reference_inputs(op_case, *reference, &held));
  const Rows got = run(op_case, held);
  LocalError error;
  error.total = metrics::compare(wanted.values, got.values);
  error.storage = wanted.off(stored);
  error.arithmetic = error.least = stored.off(got);
  error.scatter = stored.scatter(got);
  error.whole = wanted.off(got);
  if (describe_call(*op_case.op)) {
    const OpCase best = with_config(op_case, best_config(config_of(op_case).value_or(ComputeKernelConfig{})));
    error.least = stored.off(run(best, held));
  }
  return error;
}

OpCase with_config(const OpCase& op_case, const ComputeKernelConfig& config) {
  std::optional<OpCall> call = describe_call(*op_case.op);
  check(call.has_value(), "{}: {} takes no compute configuration", op_case.path, op_case.op->name());
  call->options.compute_kernel_config = config;
  OpCase other = op_case;
  other.op = make_operation(*call, present(op_case));
  return other;
}

OpCase with_weights(const OpCase& op_case, DataType dtype) {
  OpCase other = op_case;
  for (CaseInput& input : other.inputs) {
    if (input.constant && is_block_float(input.spec.dtype)) input.spec.dtype = dtype;
  }
  return other;
}

std::optional<ComputeKernelConfig> config_of(const OpCase& op_case) {
  const std::optional<OpCall> call = describe_call(*op_case.op);
  return call ? call->options.compute_kernel_config : std::nullopt;
}

ComputeKernelConfig best_config(ComputeKernelConfig config) {
  config.math_fidelity = MathFidelity::HiFi4;
  config.fp32_dest_acc_en = true;
  config.math_approx_mode = false;
  return config;
}

std::string describe(const ComputeKernelConfig& config) {
  const char* fidelity = config.math_fidelity == MathFidelity::LoFi    ? "LoFi"
                         : config.math_fidelity == MathFidelity::HiFi2 ? "HiFi2"
                         : config.math_fidelity == MathFidelity::HiFi3 ? "HiFi3"
                                                                       : "HiFi4";
  return fmt::format("{}, {} Dest{}", fidelity, config.fp32_dest_acc_en ? "fp32" : "16-bit",
                     config.math_approx_mode ? ", approximate" : "");
}

}  // namespace tessera::verify
