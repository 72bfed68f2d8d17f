// Qwen in the card's arithmetic: the ladder, and a precision file whose every setting reaches its op.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <tuple>

#include "family_run.hpp"
#include "generate/generator.hpp"
#include "io/temp_folder.hpp"
#include "ops/dispatch.hpp"
#include "ops/op_call.hpp"
#include "verify/bringup.hpp"

namespace tessera::verify {
namespace {

struct Case {
  const char* folder;
  const char* precision;
};

class ExactQwen : public ::testing::TestWithParam<Case> {};

TEST_P(ExactQwen, EveryItemPassesAtTheBarsOfTheCard) {
  const io::test::TempFolder temp;
  const io::test::ScopedEnvironment cache("XDG_CACHE_HOME", temp.path() / "cache");
  const auto folder = test::families() / GetParam().folder;
  BringupOptions options;
  options.model = folder.string();
  options.golden = (folder / "golden.safetensors").string();
  options.engine = "exact";
  options.precision = GetParam().precision;
  // As the command does: with `accuracy` decode and prefill are two fidelity groups (PCC 0.9991), halves of a
  // sum in a 16-bit Dest are rounded apart by tensor parallel (0.9958 and 0.9985), and logits of random
  // weights are near ties (top-1 88 and 90 %).
  options.thresholds = card_thresholds(models::parse_precision(options.precision));
  options.tokens = 20;
  options.out = temp.path() / "report";
  const report::BringupReport report = run_bringup(options);
  ASSERT_EQ(report.checklist.size(), 10u);
  for (const report::ChecklistItem& item : report.checklist) {
    EXPECT_EQ(item.status, report::Status::Pass) << item.item << " " << item.title << ": " << item.reason;
  }
}

INSTANTIATE_TEST_SUITE_P(All, ExactQwen,
                         ::testing::Values(Case{"qwen2", "bf16"}, Case{"qwen2", "accuracy"},
                                           Case{"qwen3", "bf16"}, Case{"qwen3", "accuracy"}),
                         [](const auto& of) {
                           return std::string(of.param.folder) + "_" + of.param.precision;
                         });

// Of every matmul and attention, by its path: configuration and the dtype of the second input.
class Settings final : public OpObserver {
 public:
  using Seen = std::tuple<MathFidelity, bool, bool, bool, DataType>;

  void after(const OpEvent& event) override {
    const auto call = describe_call(event.op);
    if (!call || !call->options.compute_kernel_config) return;
    const ComputeKernelConfig& c = *call->options.compute_kernel_config;
    seen[event.path + " " + std::string(event.op.name())] = {
        c.math_fidelity, c.fp32_dest_acc_en, c.packer_l1_acc, c.math_approx_mode, event.inputs.at(1).dtype()};
  }

  std::map<std::string, Seen> seen;
};

Settings::Seen seen(const char* fidelity, DataType dtype) {
  const ComputeKernelConfig c = models::parse_fidelity(fidelity, "test");
  return {c.math_fidelity, c.fp32_dest_acc_en, c.packer_l1_acc, c.math_approx_mode, dtype};
}

// A setting of its own for each group of layer 1, so that two that change places are seen.
constexpr const char* kFile = R"({"decoders": {"1": {
  "precision_cfg": {"FF1_FF3": "BFP4", "FF2": "BF16", "WQKV": "BF16", "WO": "BFP4"},
  "fidelity_cfg": {"LI_FF1_FF3": "LOFI", "LI_FF2": "HIFI4_FP32",
                   "LI_QKV_DECODE": "HIFI2", "LI_QKV_PREFILL": "HIFI4",
                   "LI_O_DECODE": "HIFI2_FP16", "LI_O_PREFILL": "HIFI2_NA",
                   "SDPA_DECODE": "HIFI2_NOL1ACC", "SDPA_PREFILL": "LOFI"}}}})";

TEST(ExactQwenFile, EverySettingReachesItsOp) {
  using enum DataType;
  const io::test::TempFolder temp;
  const auto folder = test::families() / "qwen2";
  const auto device = Device::open("cpu", Engine::Exact);
  models::Precision precision = models::parse_precision_json(kFile, "file");
  precision.activation = BFLOAT16;
  const auto model = models::load_model(*device, *test::open(folder),
                                        {.precision = precision, .max_seq = 64, .use_weight_cache = false});
  generate::Generator generator(*model, {.users = 1, .context = 64, .trace = false});
  Settings prefill, decode;
  const std::vector<std::int32_t> ids{3, 5, 7};
  {
    const ObserverScope scope(prefill);
    generator.prefill(ids);
  }
  {
    const ObserverScope scope(decode);
    const std::int32_t position = 3;
    generator.decode(std::span(ids).first(1), std::span(&position, 1));
  }
  const std::string l1 = "layers.1.", l0 = "layers.0.";
  for (const Settings* step : {&prefill, &decode}) {
    const auto at = [&](const std::string& name) { return step->seen.at(name); };
    EXPECT_EQ(at(l1 + "mlp.gate_proj linear"), seen("LOFI", BFLOAT4_B));
    EXPECT_EQ(at(l1 + "mlp.up_proj linear"), seen("LOFI", BFLOAT4_B));
    EXPECT_EQ(at(l1 + "mlp.down_proj linear"), seen("HIFI4_FP32", BFLOAT16));
    // The preset's, in the layers that the file does not name.
    EXPECT_EQ(at(l0 + "mlp.gate_proj linear"), seen("HIFI2_FP16", BFLOAT8_B));
    EXPECT_EQ(at(l0 + "mlp.down_proj linear"), seen("HIFI2_FP16", BFLOAT8_B));
    EXPECT_EQ(at(l0 + "self_attn.qkv_proj linear"), seen("HIFI2", BFLOAT8_B));
    EXPECT_EQ(at(l0 + "self_attn.o_proj linear"), seen("HIFI2", BFLOAT8_B));
  }
  EXPECT_EQ(prefill.seen.at(l1 + "self_attn.qkv_proj linear"), seen("HIFI4", BFLOAT16));
  EXPECT_EQ(decode.seen.at(l1 + "self_attn.qkv_proj linear"), seen("HIFI2", BFLOAT16));
  EXPECT_EQ(prefill.seen.at(l1 + "self_attn.o_proj linear"), seen("HIFI2_NA", BFLOAT4_B));
  EXPECT_EQ(decode.seen.at(l1 + "self_attn.o_proj linear"), seen("HIFI2_FP16", BFLOAT4_B));
  const auto attention = [](const Settings& step, const std::string& layer) {
    for (const auto& [name, value] : step.seen) {
      if (name.starts_with(layer + "self_attn ") && name.ends_with("attention")) return value;
      if (name.starts_with(layer + "self_attn ") && name.ends_with("attention_decode")) return value;
    }
    return Settings::Seen{};
  };
  EXPECT_EQ(attention(prefill, l1), seen("LOFI", BFLOAT16));
  EXPECT_EQ(attention(decode, l1), seen("HIFI2_NOL1ACC", BFLOAT16));
  EXPECT_EQ(attention(prefill, l0), seen("HIFI4", BFLOAT16));
  EXPECT_EQ(attention(decode, l0), seen("HIFI2", BFLOAT16));
}

}  // namespace
}  // namespace tessera::verify
