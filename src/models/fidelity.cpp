#include "models/fidelity.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "util/error.hpp"

namespace tessera::models {
namespace {

struct Named {
  std::string_view name;
  ComputeKernelConfig config;  // fidelity, approximate, fp32 Dest, accumulation in L1
};

constexpr std::array<Named, 7> kConfigs{{{"LOFI", {MathFidelity::LoFi, false, false, true}},
                                         {"HIFI2", {MathFidelity::HiFi2, true, true, true}},
                                         {"HIFI2_FP16", {MathFidelity::HiFi2, false, false, true}},
                                         {"HIFI2_NA", {MathFidelity::HiFi2, false, false, false}},
                                         {"HIFI2_NOL1ACC", {MathFidelity::HiFi2, true, true, false}},
                                         {"HIFI4", {MathFidelity::HiFi4, false, true, true}},
                                         {"HIFI4_FP32", {MathFidelity::HiFi4, true, true, true}}}};

constexpr std::array<std::string_view, 8> kGroups{"LI_FF1_FF3",     "LI_FF2",      "LI_QKV_DECODE",
                                                  "LI_QKV_PREFILL", "LI_O_DECODE", "LI_O_PREFILL",
                                                  "SDPA_DECODE",    "SDPA_PREFILL"};

}  // namespace

ComputeKernelConfig parse_fidelity(std::string_view name, std::string_view where) {
  std::string upper(name);
  std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return std::toupper(c); });
  std::string known;
  for (const Named& named : kConfigs) {
    if (named.name == upper) return named.config;
    known += fmt::format(" {}", named.name);
  }
  fail_user("{}: fidelity \"{}\": one of{} expected", where, name, known);
}

nn::Fidelity& fidelity_of(LayerFidelity& layer, std::string_view group, std::string_view where) {
  nn::Fidelity* places[] = {&layer.mlp.ff1_ff3,           &layer.mlp.ff2,
                            &layer.attention.qkv_decode,  &layer.attention.qkv_prefill,
                            &layer.attention.o_decode,    &layer.attention.o_prefill,
                            &layer.attention.sdpa_decode, &layer.attention.sdpa_prefill};
  const auto found = std::ranges::find(kGroups, group);
  check(found != kGroups.end(), "{}: unknown fidelity group \"{}\": {} are known", where, group,
        fmt::join(kGroups, ", "));
  return *places[found - kGroups.begin()];
}

LayerFidelity standard_fidelity() {
  const auto config = [](std::string_view name) { return parse_fidelity(name, "preset"); };
  LayerFidelity layer;
  layer.mlp = {config("HIFI2_FP16"), config("HIFI2_FP16")};
  layer.attention = {config("HIFI2"), config("HIFI2"), config("HIFI2"),
                     config("HIFI2"), config("HIFI2"), config("HIFI4")};
  return layer;
}

ComputeKernelConfig norm_standard() {
  return {MathFidelity::HiFi2, false, true, true};
}

}  // namespace tessera::models
