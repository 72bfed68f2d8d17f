// Whole plans: what fits, how far, and what is said about it.
#include "plan/plan.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "plan/device_table.hpp"
#include "plan/layouts.hpp"
#include "plan/plan_output.hpp"
#include "plan/presets.hpp"
#include "plan_fixture.hpp"
#include "report/markup.hpp"

namespace tessera::plan::test {
namespace {

Plan plan_of(const char* config, PlanRequest request) {
  request.model = config_path(config);
  return make_plan(request);
}

bool says(const Plan& plan, const std::string& part) {
  for (const std::string& line : plan.advice) {
    if (line.find(part) != std::string::npos) return true;
  }
  return false;
}

TEST(Plan, EightBillionOnOneChip) {
  const Plan plan = plan_of(kLlama8B, {.precision = "tt-performance", .context = 1024});
  EXPECT_TRUE(plan.chosen.fits());
  EXPECT_EQ(plan.kv_bytes_per_token, 69632);
  EXPECT_TRUE(says(plan, "start on one device: it fits n150"));
  EXPECT_TRUE(says(plan, "Llama-3.2-1B-Instruct"));
  const MemoryUse& m = plan.chosen.memory;
  EXPECT_EQ(m.weights + m.tables + m.kv_cache + m.trace + m.activations, m.peak);
  EXPECT_GE(m.needed, m.peak);
}

TEST(Plan, SeventyBillionNeedsALoudbox) {
  const Plan small = plan_of(kLlama70B, {.device = "n300", .precision = "tt-performance"});
  EXPECT_FALSE(small.chosen.fits());
  EXPECT_TRUE(says(small, "the smallest device that fits is loudbox"));
  EXPECT_TRUE(says(small, "Llama-3.1-8B-Instruct"));
  const Plan large =
      plan_of(kLlama70B, {.device = "loudbox", .precision = "tt-performance", .batch = 32, .context = 32768});
  EXPECT_FALSE(large.chosen.fits());
  EXPECT_GT(large.max_context(), 2048);
  EXPECT_LT(large.max_context(), 32768);
  EXPECT_TRUE(says(large, fmt::format("a context of {} fits at batch 32", large.max_context())));
  EXPECT_TRUE(
      plan_of(
          kLlama70B,
          {.device = "loudbox", .precision = "tt-performance", .batch = 32, .context = large.max_context()})
          .chosen.fits());
}

TEST(Plan, FalconAndMixtralArePlannedFromTheirForms) {
  for (const char* config : {kFalcon40B, kMixtral}) {
    const Plan one = plan_of(config, {}), eight = plan_of(config, {.device = "loudbox"});
    EXPECT_FALSE(one.chosen.fits()) << config;
    EXPECT_TRUE(eight.chosen.fits()) << config;
    EXPECT_FALSE(says(eight, "does not run it yet")) << config;
    // Weights of eight chips: the whole at 1.0625 bytes a parameter, the embedding on each chip, padding.
    const double whole = 8.0 * static_cast<double>(eight.chosen.memory.weights);
    EXPECT_GT(whole, 1.0625 * eight.parameters) << config;
    EXPECT_LT(whole, 1.35 * eight.parameters) << config;
  }
}

TEST(Plan, TheLongestContextIsExact) {
  const ModelFacts facts = read_config(kLlama8B);
  const SpecSheet& chip = find_sheet("n150");
  const models::Precision precision = plan_precision("tt-performance", facts);
  for (const int batch : {1, 32}) {
    const int context = max_context(facts, chip_part(facts, 1), precision, chip, batch, 2048);
    const auto needed = [&](int positions) {
      return run_memory(facts, chip_part(facts, 1), precision, chip,
                        {.batch = batch, .context = positions, .chunk = 2048})
          .needed;
    };
    EXPECT_EQ(context % 32, 0);
    EXPECT_LE(needed(context), chip_capacity(chip)) << batch;
    EXPECT_GT(needed(context + 32), chip_capacity(chip)) << batch;
  }
}

TEST(Plan, LongestContextAtTheEnds) {
  const ModelFacts tiny = read_config(kLlama1B), large = read_config(kLlama70B);
  const SpecSheet& chip = find_sheet("n150");
  EXPECT_EQ(max_context(large, chip_part(large, 1), plan_precision("accuracy", large), chip, 1, 2048), 0);
  EXPECT_EQ(max_context(tiny, chip_part(tiny, 1), plan_precision("tt-accuracy", tiny), chip, 1, 2048),
            131072);
}

TEST(Plan, DegreesDivideTheDevice) {
  EXPECT_EQ(possible_degrees(find_sheet("n150")), (std::vector{1}));
  EXPECT_EQ(possible_degrees(find_sheet("n300")), (std::vector{1, 2}));
  EXPECT_EQ(possible_degrees(find_sheet("loudbox")), (std::vector{1, 2, 4, 8}));
  EXPECT_EQ(possible_degrees(find_sheet("galaxy")), (std::vector{1, 2, 4, 8, 32}));
  const Plan plan = plan_of(kLlama1B, {.device = "loudbox", .chips = 2});
  EXPECT_EQ(plan.chosen.tensor_parallel, 2);
  EXPECT_EQ(plan.chosen.copies, 4);
  EXPECT_EQ(describe(plan.chosen), "4 copies of 2 chips, tensor and data parallel");
  std::int64_t last = std::int64_t{1} << 60;
  for (const Layout& layout : plan.layouts) {
    EXPECT_LT(layout.memory.weights, last);
    last = layout.memory.weights;
  }
}

TEST(Plan, WhatTheSpeedIsOfIsSaid) {
  EXPECT_EQ(plan_of(kLlama1B, {.precision = "performance"}).speed_precision.name, "tt-performance");
  EXPECT_EQ(plan_of(kLlama1B, {.precision = "bf16"}).speed_precision.name, "bf16");
  const Plan here = plan_of(kLlama1B, {.device = "cpu"});
  EXPECT_FALSE(here.has_speed());
  EXPECT_FALSE(plan_json(here).contains("expected"));
}

TEST(Plan, PresetsAreTtTransformers) {
  const auto of = [](const char* config, const char* preset) {
    return plan_precision(preset, read_config(config));
  };
  EXPECT_EQ(of(kLlama8B, "tt-performance").decoder.ff1_ff3, DataType::BFLOAT4_B);
  EXPECT_EQ(of(kLlama8B, "tt-accuracy").decoder.ff1_ff3, DataType::BFLOAT8_B);
  EXPECT_EQ(of(kLlama8B, "tt-accuracy").kv_cache, DataType::BFLOAT8_B);
  EXPECT_EQ(of(kLlama70B, "tt-accuracy").decoder.ff1_ff3, DataType::BFLOAT4_B);
  EXPECT_EQ(of("Qwen2.5-7B-Instruct", "tt-performance").kv_cache, DataType::BFLOAT16);
  EXPECT_EQ(of("Qwen3-32B", "tt-accuracy").decoder.wqkv, DataType::BFLOAT16);
  EXPECT_THROW(of(kLlama8B, "tt-fast"), UserError);
}

TEST(Plan, RefusesWhatCannotBe) {
  EXPECT_THROW(plan_of(kLlama8B, {.batch = 33}), UserError);
  EXPECT_THROW(plan_of(kLlama8B, {.context = 200000}), UserError);
  EXPECT_THROW(plan_of(kLlama8B, {.device = "n151"}), UserError);
  EXPECT_THROW(plan_of(kLlama8B, {.device = "loudbox", .chips = 3}), UserError);
  EXPECT_THROW(plan_of(kLlama8B, {.chunk = 100}), UserError);
  EXPECT_THROW(plan_of("absent", {}), UserError);
}

TEST(PlanPage, IsWholeAndLoadsNothing) {
  for (const char* device : {"n150", "galaxy", "cpu"}) {
    const Plan plan = plan_of(kLlama1B, {.device = device, .batch = 32});
    const std::string page = plan_html(plan);
    const auto markup = report::test::MarkupReader(page).read();
    EXPECT_EQ(page.find("http://"), std::string::npos);
    EXPECT_EQ(page.find("https://"), std::string::npos);
    for (const auto& attribute : markup.attributes) EXPECT_NE(attribute.name, "src");
    EXPECT_EQ(std::ranges::count(markup.elements, "svg"), device == std::string("cpu") ? 1 : 2);
    EXPECT_NE(markup.text.find("KV cache"), std::string::npos);
  }
}

TEST(DeviceTable, IsTheGuidesWithWhatReallyFits) {
  const std::vector<DeviceRow> rows = device_table();
  ASSERT_EQ(rows.size(), 5u);
  const DeviceRow &n150 = rows[0], &n300 = rows[1], &loudbox = rows[2];
  EXPECT_EQ(n150.guide, "~12B");
  EXPECT_NEAR(n150.weights_only / 1e9, 12.13, 0.01);
  for (const DeviceRow& row : rows) {
    EXPECT_LT(row.full_batch, row.one_user) << row.device;
    EXPECT_LT(row.one_user, 0.95 * row.weights_only) << row.device;
  }
  EXPECT_EQ(n150.published.front(), "Llama-3.1-8B");
  EXPECT_EQ(n300.published.front(), "Phi-4");
  EXPECT_EQ(loudbox.published.front(), "Llama-3.1-70B");
}

}  // namespace
}  // namespace tessera::plan::test
