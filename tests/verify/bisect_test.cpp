// Planted precision faults: bisect names the op, and its file gives the same error again.
#include "verify/bisect.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "support/tiny_folder.hpp"
#include "verify/judge_ops.hpp"
#include "verify/replay_file.hpp"
#include "verify/session.hpp"

namespace tessera::verify {
namespace {

// Wide enough that a 16-bit Dest loses what it loses in a real model: several roundings of a sum.
tessera::test::TinyOptions wide_options() {
  tessera::test::TinyOptions options;
  options.layers = 6;
  options.hidden = 256;
  options.heads = 4;
  options.kv_heads = 2;
  options.head_dim = 64;
  options.intermediate = 256;
  options.max_positions = 128;
  return options;
}

class Bisect : public testing::Test {
 protected:
  Bisect() : files_(wide_options()) {}

  Bisection run(const models::Precision& precision) const {
    Session session = open_session(files_.open(), {"cpu", Engine::Exact, precision});
    return bisect(session);
  }

  // The precision `accuracy` with another setting in one layer.
  template <class Change>
  static models::Precision planted(int layer, Change change) {
    models::Precision precision = models::parse_precision("accuracy");
    models::DecoderPrecision decoder = precision.decoder;
    change(decoder);
    precision.overrides[layer] = decoder;
    return precision;
  }

  static std::string named(const Bisection& found) {
    if (!found.finding) return "none";
    return found.finding->op.mode + " " + found.finding->op.path + " " + found.finding->op.op;
  }

  tessera::test::TinyFolder files_;
};

void no_fp32_dest(nn::Fidelity& fidelity) {
  fidelity->fp32_dest_acc_en = false;
}

TEST_F(Bisect, NamesNothingWhereNothingIsPlanted) {
  const Bisection found = run(models::parse_precision("accuracy"));
  EXPECT_EQ(named(found), "none");
  EXPECT_GT(found.ops.size(), 150u);
}

TEST_F(Bisect, NamesNineOfTenPlantsAtTheirOp) {
  struct Plant {
    int layer;
    void (*change)(models::DecoderPrecision&);
    std::string expected;
  };
  const auto ff2 = [](models::DecoderPrecision& d) {
    d.ff2 = DataType::BFLOAT4_B;
    d.fidelity.mlp.ff2 = models::parse_fidelity("LOFI", "plant");
  };
  const std::vector<Plant> plants{
      {0, ff2, "decode layers.0.mlp.down_proj linear"},
      {2, ff2, "decode layers.2.mlp.down_proj linear"},
      {5, ff2, "decode layers.5.mlp.down_proj linear"},
      {1, [](models::DecoderPrecision& d) { no_fp32_dest(d.fidelity.attention.qkv_decode); },
       "decode layers.1.self_attn.qkv_proj linear"},
      {4, [](models::DecoderPrecision& d) { no_fp32_dest(d.fidelity.attention.qkv_prefill); },
       "prefill layers.4.self_attn.qkv_proj linear"},
      {3, [](models::DecoderPrecision& d) { no_fp32_dest(d.fidelity.attention.o_decode); },
       "decode layers.3.self_attn.o_proj linear"},
      {0, [](models::DecoderPrecision& d) { no_fp32_dest(d.fidelity.attention.o_prefill); },
       "prefill layers.0.self_attn.o_proj linear"},
      {2, [](models::DecoderPrecision& d) { no_fp32_dest(d.fidelity.attention.sdpa_prefill); },
       "prefill layers.2.self_attn scaled_dot_product_attention"},
      {5, [](models::DecoderPrecision& d) { no_fp32_dest(d.fidelity.attention.sdpa_decode); },
       "decode layers.5.self_attn paged_scaled_dot_product_attention_decode"},
      {3, [](models::DecoderPrecision& d) { d.ff1_ff3 = DataType::BFLOAT4_B; },
       "decode layers.3.mlp.gate_proj linear"},
  };
  std::size_t hits = 0;
  for (const Plant& plant : plants) {
    const std::string got = named(run(planted(plant.layer, plant.change)));
    EXPECT_TRUE(got == plant.expected || got == "none") << got << " instead of " << plant.expected;
    hits += got == plant.expected ? 1 : 0;
  }
  EXPECT_GE(hits, 9u);
}

// A norm's whole error falls with a 16-bit Dest, because HiFi2 then cuts less of its factor; what is no
// factor of a row grows. The final norm has no like in the layers but those on the same shapes.
TEST_F(Bisect, NamesNormsWithoutAnFp32Dest) {
  struct Plant {
    std::string expected;
    nn::Fidelity& (*place)(nn::CausalLm& model);
  };
  const std::vector<Plant> plants{
      {"decode layers.2.input_layernorm rms_norm",
       [](nn::CausalLm& m) -> nn::Fidelity& { return m.layers[2].attention_norm->fidelity; }},
      {"decode layers.4.post_attention_layernorm rms_norm",
       [](nn::CausalLm& m) -> nn::Fidelity& { return m.layers[4].mlp_norm->fidelity; }},
      {"decode norm rms_norm", [](nn::CausalLm& m) -> nn::Fidelity& { return m.norm.fidelity; }},
  };
  Session session = open_session(files_.open(), {"cpu", Engine::Exact, models::parse_precision("accuracy")});
  const nn::CausalLm sound = *session.model;
  for (const Plant& plant : plants) {
    *session.model = sound;
    no_fp32_dest(plant.place(*session.model));
    const Bisection found = bisect(session);
    EXPECT_EQ(named(found), plant.expected);
    if (!found.finding) continue;
    const auto& cures = found.finding->cures;
    EXPECT_TRUE(std::ranges::any_of(cures, [](const Cure& c) { return c.change == "fp32 Dest" && c.cures; }));
  }
}

TEST_F(Bisect, TellsInputsAndCuresAndLeavesAFile) {
  const Bisection found = run(planted(2, [](models::DecoderPrecision& d) {
    d.ff2 = DataType::BFLOAT4_B;
    d.fidelity.mlp.ff2 = models::parse_fidelity("LOFI", "plant");
  }));
  ASSERT_TRUE(found.finding);
  const Finding& finding = *found.finding;
  EXPECT_EQ(finding.config, "LoFi, 16-bit Dest");
  ASSERT_EQ(finding.inputs.size(), 2u);
  EXPECT_FALSE(finding.inputs[0].weight);
  EXPECT_TRUE(finding.inputs[1].weight);
  EXPECT_GT(finding.inputs[0].rms, 0);
  EXPECT_GE(finding.inputs[0].crest, 1);
  bool by_weights = false;
  for (const Cure& cure : finding.cures) {
    if (cure.change == "HiFi4, fp32 Dest") {
      EXPECT_FALSE(cure.cures);
    }
    by_weights = by_weights || (cure.change == "weights in bfloat8_b, HiFi2" && cure.cures);
  }
  EXPECT_TRUE(by_weights);

  const std::filesystem::path file = files_.path() / "case.safetensors";
  write_replay(file, finding.op_case);
  const OpCase again = read_replay(file);
  EXPECT_EQ(again.path, "layers.2.mlp.down_proj");
  const auto device = Device::open("cpu", Engine::Exact);
  const Finding replayed = examine(again, *device, 0.999);
  EXPECT_EQ(replayed.op.error.total.pcc, finding.op.error.total.pcc);
  EXPECT_EQ(replayed.op.error.arithmetic, finding.op.error.arithmetic);
  EXPECT_EQ(replayed.config, finding.config);
  EXPECT_FALSE(replayed.reason.empty());
}

OpError error(int layer, double storage, double arithmetic, double least) {
  OpError op;
  op.path = "layers." + std::to_string(layer) + ".mlp.down_proj";
  op.op = "linear";
  op.mode = "decode";
  op.layer = layer;
  op.error.total.pcc = op.error.total.scale = 1;
  op.error.storage = storage;
  op.error.arithmetic = arithmetic;
  op.error.least = least;
  op.error.whole = std::hypot(storage, arithmetic);
  return op;
}

TEST(JudgeOps, AnErrorThatTheInputsExplainIsInLine) {
  std::vector<OpError> ops;
  for (int i = 0; i < 8; ++i) ops.push_back(error(i, 0.007, 0.004, 0.002));
  EXPECT_FALSE(first_out_of_line(ops, 0.999));
  ops[3] = error(3, 0.007, 0.008, 0.004);
  EXPECT_FALSE(first_out_of_line(ops, 0.999));
  ops[5] = error(5, 0.007, 0.008, 0.002);
  ASSERT_TRUE(first_out_of_line(ops, 0.999));
  EXPECT_EQ(first_out_of_line(ops, 0.999)->index, 5u);
  ops[2].error.total.pcc = 0.99;
  EXPECT_EQ(first_out_of_line(ops, 0.999)->index, 2u);
}

TEST(JudgeOps, AnotherConfigurationCountsWhereItCosts) {
  std::vector<OpError> ops;
  for (int i = 0; i < 8; ++i) {
    ops.push_back(error(i, 0.007, 0.004, 0.002));
    ops.back().config = ComputeKernelConfig{MathFidelity::HiFi2, false, i != 6, true};
  }
  find_odd_configs(ops);
  ASSERT_TRUE(ops[6].usual_config);
  EXPECT_FALSE(ops[5].usual_config);
  ops[6].usual_arithmetic = 0.0039;
  EXPECT_FALSE(first_out_of_line(ops, 0.999));
  ops[6].usual_arithmetic = 0.003;
  EXPECT_EQ(first_out_of_line(ops, 0.999)->index, 6u);
}

TEST(JudgeOps, ScatterCountsWhereAFactorHidesIt) {
  std::vector<OpError> ops;
  for (int i = 0; i < 8; ++i) {
    ops.push_back(error(i, 0.002, 0.009, 0.002));
    ops.back().error.scatter = 0.003;
    ops.back().config = ComputeKernelConfig{MathFidelity::HiFi2, false, i != 6, true};
  }
  find_odd_configs(ops);
  ops[6].usual_arithmetic = 0.011;
  ops[6].usual_scatter = 0.0029;
  EXPECT_FALSE(first_out_of_line(ops, 0.999));
  ops[6].usual_scatter = 0.0025;
  const auto found = first_out_of_line(ops, 0.999);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->index, 6u);
  EXPECT_NEAR(found->limits.scatter, 0.00275, 1e-9);
}

TEST(JudgeOps, AnOpOutsideTheLayersIsHeldToThoseOnTheSameShapes) {
  std::vector<OpError> ops;
  for (int i = 0; i < 8; ++i) {
    ops.push_back(error(i, 0.002, 0.009, 0.002));
    ops.back().shapes = "[32, 64] [64]";
    ops.back().config = ComputeKernelConfig{MathFidelity::HiFi2, false, true, true};
  }
  OpError last = ops.back();
  last.path = "norm";
  last.layer = -1;
  last.config->fp32_dest_acc_en = false;
  ops.push_back(last);
  find_odd_configs(ops);
  EXPECT_TRUE(ops.back().usual_config);
  ops.back().usual_config.reset();
  ops.back().shapes = "[32, 64] [64, 1000]";
  find_odd_configs(ops);
  EXPECT_FALSE(ops.back().usual_config) << "the LM head is like no other linear";
}

}  // namespace
}  // namespace tessera::verify
