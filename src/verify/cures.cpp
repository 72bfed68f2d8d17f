#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "verify/bisect.hpp"

namespace tessera::verify {
namespace {

constexpr std::array kFidelities{MathFidelity::HiFi2, MathFidelity::HiFi3, MathFidelity::HiFi4};

bool has_block_weights(const OpCase& op_case, DataType below) {
  return std::ranges::any_of(op_case.inputs, [&](const CaseInput& input) {
    return input.present && input.constant && is_block_float(input.spec.dtype) &&
           tile_bytes(input.spec.dtype) < tile_bytes(below);
  });
}

std::string_view name_of(MathFidelity fidelity) {
  return fidelity == MathFidelity::HiFi2 ? "HiFi2" : fidelity == MathFidelity::HiFi3 ? "HiFi3" : "HiFi4";
}

}  // namespace

std::vector<Cure> try_cures(const OpCase& op_case, Device& device, const ErrorLimits& limits) {
  std::vector<Cure> cures;
  const auto attempt = [&](std::string change, const OpCase& other) {
    const auto error = measure(other, device);
    if (!error) return;
    const bool in_line = error->whole <= limits.whole && error->scatter <= limits.scatter;
    cures.push_back({std::move(change), error->total.pcc, error->whole, error->scatter,
                     metrics::passes(error->total, 0.999) && in_line});
  };
  const bool takes_config = describe_call(*op_case.op).has_value();
  const ComputeKernelConfig now = config_of(op_case).value_or(ComputeKernelConfig{});
  const ComputeKernelConfig best = best_config(now);
  if (takes_config) {
    ComputeKernelConfig wide = now;
    wide.fp32_dest_acc_en = true;
    if (!now.fp32_dest_acc_en) attempt("fp32 Dest", with_config(op_case, wide));
    for (const MathFidelity fidelity : kFidelities) {
      if (fidelity <= now.math_fidelity) continue;
      ComputeKernelConfig more = now;
      more.math_fidelity = fidelity;
      attempt(std::string(name_of(fidelity)), with_config(op_case, more));
      more.fp32_dest_acc_en = true;
      if (!now.fp32_dest_acc_en)
        attempt(fmt::format("{}, fp32 Dest", name_of(fidelity)), with_config(op_case, more));
    }
    if (now.math_approx_mode) attempt("HiFi4, fp32 Dest, not approximate", with_config(op_case, best));
  }
  for (const DataType dtype : {DataType::BFLOAT8_B, DataType::BFLOAT16}) {
    if (!has_block_weights(op_case, dtype)) continue;
    const OpCase wider = with_weights(op_case, dtype);
    attempt(fmt::format("weights in {}", to_string(dtype)), wider);
    // bfloat4_b is complete in LoFi, bfloat8_b is not.
    if (takes_config && now.math_fidelity == MathFidelity::LoFi) {
      ComputeKernelConfig more = now;
      more.math_fidelity = MathFidelity::HiFi2;
      attempt(fmt::format("weights in {}, HiFi2", to_string(dtype)), with_config(wider, more));
    }
    if (takes_config)
      attempt(fmt::format("weights in {}, HiFi4, fp32 Dest", to_string(dtype)), with_config(wider, best));
  }
  return cures;
}

std::vector<InputStatistics> input_statistics(const OpCase& op_case) {
  std::vector<InputStatistics> result;
  for (const CaseInput& input : op_case.inputs) {
    if (!input.present || input.values.empty()) continue;
    InputStatistics s{.spec = to_string(input.spec), .weight = input.constant};
    const auto columns = static_cast<std::size_t>(std::max<std::int64_t>(1, input.spec.logical_shape[-1]));
    std::vector<double> energy(columns);
    double zeros = 0, sum = 0;
    for (std::size_t i = 0; i < input.values.size(); ++i) {
      const double v = input.values[i];
      if (!std::isfinite(v)) {
        ++s.not_finite;
        continue;
      }
      zeros += v == 0 ? 1 : 0;
      sum += v * v;
      energy[i % columns] += v * v;
      s.largest = std::max(s.largest, std::abs(v));
    }
    const auto n = static_cast<double>(input.values.size());
    s.rms = std::sqrt(sum / n);
    s.crest = s.rms > 0 ? s.largest / s.rms : 0;
    s.zeros = zeros / n;
    const auto widest = std::ranges::max_element(energy);
    s.widest_column = widest - energy.begin();
    s.widest_share = sum > 0 ? *widest / sum : 0;
    result.push_back(std::move(s));
  }
  return result;
}

}  // namespace tessera::verify
