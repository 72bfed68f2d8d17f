// Planted faults: each is caught, and the checklist says where it is.
#include <gtest/gtest.h>

#include <limits>
#include <utility>

#include "faults.hpp"
#include "ladder.hpp"
#include "ops/sdpa/sdpa.hpp"
#include "ops/slice/slice.hpp"

namespace tessera::verify {
namespace {

using test::first_failure;
using test::IntegerFault;
using test::item;
using test::Ladder;
using test::OutputFault;

#define EXPECT_HAS(text, part) EXPECT_NE((text).find(part), std::string::npos) << "in: " << (text)

void expect_failed(const report::ChecklistItem& entry, const std::string& part) {
  EXPECT_EQ(entry.status, report::Status::Fail) << entry.evidence;
  EXPECT_HAS(entry.reason, part);
}

// A [K, N] weight again with other values.
Tensor changed(const Tensor& weight, const std::function<void(std::vector<float>&, std::size_t)>& change) {
  std::vector<float> values = weight.to_vector();
  change(values, static_cast<std::size_t>(weight.logical_shape()[-1]));
  return to_device(weight.device(), std::span<const float>(values), weight.spec(), weight.memory_config())
      .set_constant();
}

TEST(PlantedFault, NoneMeansNoFailure) {
  Ladder ladder;
  const auto report = ladder.run({1, 2, 5});
  EXPECT_EQ(first_failure(report), "none");
}

TEST(PlantedFault, RopeWithoutUnpermute) {
  Ladder ladder(test::ladder_options(), true);
  io::ModelConfig config = ladder.session.config();
  ASSERT_EQ(config.rope_form, io::RopeForm::Pairs);
  config.rope_form = io::RopeForm::Halves;
  ladder.device().rope = nn::Rope(*ladder.session.device, config, ladder.device().max_seq);
  const auto report = ladder.run({1, 5});
  EXPECT_EQ(first_failure(report), "layers.0.self_attn attention");
  expect_failed(item(report, 2), "first op in the run: rotary_emb: embedding");  // of the tables
  expect_failed(item(report, 7), "rotary_emb: slice");
  EXPECT_TRUE(std::ranges::any_of(report.ops, [](const auto& row) {
    return row.op == "rotary_embedding" && !row.pass &&
           row.note == "the reference ran rotary_embedding_llama in layers.0.self_attn";
  }));
}

TEST(PlantedFault, RopeWithoutLlama3Scaling) {
  auto options = test::ladder_options();
  options.llama3_rope = true;
  Ladder ladder(options);
  io::ModelConfig config = ladder.session.config();
  config.rope_scaling = {};
  ladder.device().rope = nn::Rope(*ladder.session.device, config, ladder.device().max_seq);
  expect_failed(item(ladder.run({1}), 2), "first op in the run: rotary_emb: embedding");
}

TEST(PlantedFault, WrongEpsilon) {
  Ladder ladder;
  nn::Norm& norm = *ladder.device().layers[1].attention_norm;
  ASSERT_EQ(norm.epsilon, 1e-5f);
  norm.epsilon = 1e-6f;
  const auto report = ladder.run({1, 5});
  EXPECT_EQ(first_failure(report), "layers.1.input_layernorm rms_norm");
  expect_failed(item(report, 2), "layers.1.input_layernorm: rms_norm");
  EXPECT_HAS(item(report, 2).reason, "epsilon=1e-06 here, epsilon=1e-05 in the reference");
  expect_failed(item(report, 7), "layers.1.input_layernorm: rms_norm");
}

TEST(PlantedFault, WrongEpsilonShowsInValuesToo) {
  Ladder ladder;
  ladder.device().norm.epsilon = 1e-6f;
  const auto report = ladder.run({1});
  std::size_t by_value = 0;
  for (const auto& row : report.ops) {
    if (row.path != "norm" || row.input != "small") continue;
    ++by_value;
    EXPECT_FALSE(row.pass);
    EXPECT_GT(row.scale, 1.2);  // 1 / sqrt(1 + 1/10) by 1 / sqrt(2)
  }
  EXPECT_EQ(by_value, 2u);  // the module and its op
}

// With the bars of the card too, whose noise may move the slope of single positions.
TEST(PlantedFault, LogitsScaledOnTheCard) {
  Ladder ladder;
  ladder.session.thresholds = card_thresholds(models::parse_precision("accuracy"));
  const OutputFault fault("lm_head", "linear", [](const OpEvent&, std::vector<float>& output) {
    for (float& value : output) value *= 0.93f;
  });
  expect_failed(item(ladder.run({3}), 4), "scale 0.9");
}

TEST(PlantedFault, MissingResidual) {
  Ladder ladder;
  int calls = 0;
  const OutputFault fault("layers.1", "add", [&](const OpEvent& event, std::vector<float>& output) {
    if (calls++ % 2 == 0) output = event.inputs[1].to_vector();  // the first of the layer's two
  });
  const auto report = ladder.run({1, 2, 4, 5});
  EXPECT_EQ(first_failure(report), "layers.1 add");
  expect_failed(item(report, 2), "layers.1: add");
  expect_failed(item(report, 3), "layers.1: decoder_layer");
  expect_failed(item(report, 5), "layers.1 is the first of 2 layers");
  expect_failed(item(report, 7), "layers.1: add");
}

TEST(PlantedFault, SwappedGateAndUp) {
  Ladder ladder;
  nn::Mlp& mlp = ladder.device().layers[2].mlp;
  std::swap(mlp.gate_proj->weight, mlp.up_proj.weight);
  const auto report = ladder.run({1, 2});
  EXPECT_EQ(first_failure(report), "layers.2.mlp mlp");
  expect_failed(item(report, 2), "layers.2.mlp: mlp");
  EXPECT_HAS(item(report, 2).reason, "layers.2.mlp.gate_proj: linear");
  expect_failed(item(report, 3), "layers.2: decoder_layer");
}

TEST(PlantedFault, DecodeMaskOffByOne) {
  Ladder ladder;
  const IntegerFault fault("paged_scaled_dot_product_attention_decode", 4, [](auto& positions) {
    for (auto& position : positions) position -= position > 0 ? 1 : 0;
  });
  const auto report = ladder.run({1, 2, 5});
  EXPECT_EQ(first_failure(report), "layers.0.self_attn attention");
  expect_failed(item(report, 2), "layers.0.self_attn: paged_scaled_dot_product_attention_decode");
  EXPECT_HAS(item(report, 2).reason, "integer input 4 is 0 at 0 here, 1 in the reference");
  expect_failed(item(report, 3), "layers.0: decoder_layer");
  expect_failed(item(report, 7), "decode");
}

// Every query of a prefill but the first sees one key too few.
void hide_own_key(const OpEvent& event, std::vector<float>& output) {
  const auto part = [](const Tensor& x, std::int64_t begin, std::int64_t end) {
    const Shape& shape = x.logical_shape();
    const std::array<std::int64_t, 4> from{0, 0, begin, 0}, to{1, shape[1], shape[2] + end, shape[3]};
    return slice(x, from, to);
  };
  const Shape& shape = event.inputs[0].logical_shape();
  if (shape[2] < 2) return;
  const std::vector<float> shifted =
      transformer::scaled_dot_product_attention(part(event.inputs[0], 1, 0), part(event.inputs[1], 0, -1),
                                                part(event.inputs[2], 0, -1))
          .to_vector();
  const auto head = static_cast<std::ptrdiff_t>(shape[2] * shape[3]),
             row = static_cast<std::ptrdiff_t>(shape[3]);
  for (std::ptrdiff_t h = 0; h < shape[1]; ++h) {
    std::copy_n(shifted.begin() + h * (head - row), head - row, output.begin() + h * head + row);
  }
}

TEST(PlantedFault, PrefillMaskOffByOne) {
  Ladder ladder;
  const OutputFault fault("layers.1.self_attn", "scaled_dot_product_attention", hide_own_key);
  const auto report = ladder.run({5});
  EXPECT_EQ(first_failure(report), "layers.1.self_attn scaled_dot_product_attention");
  expect_failed(item(report, 7), "layers.1.self_attn: scaled_dot_product_attention");
  EXPECT_HAS(item(report, 7).reason, "layers.1 is the first bad layer");
}

TEST(PlantedFault, PageMappedTwice) {
  Ladder ladder;
  const auto twice = [](std::vector<std::int32_t>& table) {
    // 32 users in the decode steps of phases 1 and 2: user 3's first page is user 2's.
    const std::size_t columns = table.size() / 32;
    if (table.size() >= 64) table[3 * columns] = table[2 * columns];
  };
  const IntegerFault writes("paged_update_cache", 3, twice);
  const IntegerFault reads("paged_scaled_dot_product_attention_decode", 3, twice);
  const auto report = ladder.run({1, 2});
  EXPECT_EQ(first_failure(report), "layers.0.self_attn attention");
  expect_failed(item(report, 2), "layers.0.self_attn: paged_update_cache");
  EXPECT_HAS(item(report, 2).reason, "integer input 3 is 4 at 6 here, 6 in the reference");
  expect_failed(item(report, 3), "layers.0: decoder_layer");
}

TEST(PlantedFault, WeightTileTransposed) {
  Ladder ladder;
  nn::Linear& projection = ladder.device().layers[1].self_attn.o_proj;
  projection.weight = changed(projection.weight, [](std::vector<float>& values, std::size_t width) {
    for (std::size_t r = 0; r < 32; ++r) {
      for (std::size_t c = 0; c < r; ++c) std::swap(values[r * width + 32 + c], values[c * width + 32 + r]);
    }
  });
  const auto report = ladder.run({1, 2});
  EXPECT_EQ(first_failure(report), "layers.1.self_attn attention");
  expect_failed(item(report, 2), "layers.1.self_attn.o_proj: linear");
  EXPECT_HAS(item(report, 2).reason, "columns 32 to 63 off by");
  expect_failed(item(report, 3), "layers.1: decoder_layer");
}

// One tile among 1504 x 64 leaves the PCC of the logits above every threshold when it holds unlikely tokens.
TEST(PlantedFault, WeightTileTransposedInTheHead) {
  Ladder ladder;
  nn::Linear& head = ladder.device().lm_head;
  head.weight = changed(head.weight, [](std::vector<float>& values, std::size_t width) {
    for (std::size_t r = 0; r < 32; ++r) {
      for (std::size_t c = 0; c < r; ++c) std::swap(values[r * width + 640 + c], values[c * width + 640 + r]);
    }
  });
  const auto report = ladder.run({1});
  expect_failed(item(report, 2), "lm_head: linear");
  EXPECT_HAS(item(report, 2).reason, "columns 640 to 671 off by");
}

// PCC alone sees nothing of it, and greedy text and top-5 do not change.
TEST(PlantedFault, ScaledLogits) {
  Ladder ladder;
  const OutputFault fault("lm_head", "linear", [](const OpEvent&, std::vector<float>& output) {
    for (float& value : output) value *= 1.5f;
  });
  const auto report = ladder.run({3, 4});
  expect_failed(item(report, 4), "lm_head: model (prompt)");
  EXPECT_HAS(item(report, 4).reason, "position 0: scale 1.");
  expect_failed(item(report, 5), "every value is off by that factor");
  expect_failed(item(report, 6), "generated text: logits PCC");
  for (const auto& accuracy : report.accuracy) EXPECT_FALSE(accuracy.pass) << accuracy.text;
}

struct BadOutput {
  const char* name;
  std::function<void(std::vector<float>&)> change;
};

class BadOutputs : public ::testing::TestWithParam<BadOutput> {};

TEST_P(BadOutputs, AreCaughtInTheirModuleAndLayer) {
  Ladder ladder;
  const OutputFault fault("layers.1.mlp.down_proj", "linear",
                          [](const OpEvent&, std::vector<float>& output) { GetParam().change(output); });
  const auto report = ladder.run({1, 2, 4});
  EXPECT_EQ(first_failure(report), "layers.1.mlp mlp");
  expect_failed(item(report, 2), "layers.1.mlp: mlp");
  EXPECT_HAS(item(report, 2).reason, "first op in the run: layers.1.mlp.down_proj: linear");
  expect_failed(item(report, 3), "layers.1: decoder_layer");
  expect_failed(item(report, 5), "layers.1 is the first of 2 layers");
}

INSTANTIATE_TEST_SUITE_P(
    Values, BadOutputs,
    ::testing::Values(BadOutput{"Constant", [](auto& values) { std::ranges::fill(values, 0.5f); }},
                      BadOutput{"Zero", [](auto& values) { std::ranges::fill(values, 0.0f); }},
                      BadOutput{"OneNaN",
                                [](auto& values) { values[5] = std::numeric_limits<float>::quiet_NaN(); }},
                      BadOutput{"Doubled",
                                [](auto& values) {
                                  for (float& value : values) value *= 2;
                                }},
                      BadOutput{"Negated",
                                [](auto& values) {
                                  for (float& value : values) value = -value;
                                }}),
    [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace tessera::verify
