// The precision advisor: configurations and their file, the front, the choice, a whole run on a tiny model.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "plan/presets.hpp"
#include "support/tiny_model.hpp"
#include "util/error.hpp"
#include "verify/advise/advise_output.hpp"
#include "verify/advise/composed_model.hpp"
#include "verify/advise/front.hpp"
#include "verify/advise/mixtures.hpp"

namespace tessera::verify {
namespace {

std::vector<std::int32_t> some_tokens(int n) {
  std::vector<std::int32_t> ids;
  for (int i = 0; i < n; ++i) ids.push_back((i * 37 + 11) % 1500);
  return ids;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != text.npos;
}

Point point(double kl, double tok_s, std::int64_t bytes, double top1 = 100) {
  Point p;
  p.score.kl = kl;
  p.score.top1 = top1;
  p.cost.decode_tok_s = tok_s;
  p.cost.needed_bytes = bytes;
  return p;
}

TEST(AdviseConfiguration, TheFileIsReadBackAsTheConfiguration) {
  Configuration c = most_precise_configuration();
  c[Group::Ff1Ff3] = ladder(Group::Ff1Ff3)[2];
  c[Group::Wqkv] = ladder(Group::Wqkv)[1];
  c[Group::KvCache] = ladder(Group::KvCache)[1];
  c[Group::Sdpa] = ladder(Group::Sdpa)[1];
  const models::Precision expected = to_precision(c);
  const models::Precision read = models::parse_precision_json(precision_file(c, 3), "advised.json");
  EXPECT_EQ(read.overrides.size(), 3u);
  EXPECT_EQ(read.kv_cache, DataType::BFLOAT8_B);
  EXPECT_EQ(read.activation, DataType::BFLOAT16);
  EXPECT_EQ(read.lm_head, expected.lm_head);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(read.layer(i).ff1_ff3, DataType::BFLOAT4_B);
    EXPECT_EQ(read.layer(i).ff2, DataType::BFLOAT16);
    EXPECT_EQ(read.layer(i).wqkv, DataType::BFLOAT8_B);
    EXPECT_EQ(read.layer(i).wo, DataType::BFLOAT16);
    const models::LayerFidelity& how = read.layer(i).fidelity;
    EXPECT_EQ(how.mlp.ff1_ff3->math_fidelity, MathFidelity::LoFi);
    EXPECT_EQ(how.mlp.ff2->math_fidelity, MathFidelity::HiFi4);
    EXPECT_TRUE(how.mlp.ff2->fp32_dest_acc_en);
    EXPECT_EQ(how.attention.qkv_decode->math_fidelity, MathFidelity::HiFi2);
    EXPECT_EQ(how.attention.qkv_prefill->math_fidelity, MathFidelity::HiFi2);
    EXPECT_EQ(how.attention.sdpa_decode->math_fidelity, MathFidelity::HiFi2);
    EXPECT_EQ(how.attention.o_prefill->math_fidelity, MathFidelity::HiFi4);
  }
}

TEST(AdviseConfiguration, TheFileHasTheSettingsOfSingleLayers) {
  Configuration c = mixture_base();
  c.exceptions[{Group::Ff2, 1}] = smallest(Group::Ff2);
  EXPECT_EQ(describe(c, Group::Ff2), "BFP8 HIFI2_FP16; BFP4 LOFI in 1 layer");
  const models::Precision read = models::parse_precision_json(precision_file(c, 3), "advised.json");
  const models::Precision same = to_precision(c);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(read.layer(i).ff2, i == 1 ? DataType::BFLOAT4_B : DataType::BFLOAT8_B);
    EXPECT_EQ(same.layer(i).ff2, read.layer(i).ff2);
    EXPECT_EQ(read.layer(i).fidelity.mlp.ff2->math_fidelity,
              i == 1 ? MathFidelity::LoFi : MathFidelity::HiFi2);
    EXPECT_EQ(read.layer(i).wo, DataType::BFLOAT8_B);
  }
}

TEST(AdviseMixtures, TheCheapestCellsComeFirst) {
  std::vector<Sensitivity> groups;
  for (const Group group : kLayerGroups) {
    for (const DataType dtype : {DataType::BFLOAT8_B, DataType::BFLOAT4_B}) {
      Sensitivity row;
      row.group = group;
      row.setting.dtype = dtype;
      // FF1_FF3 saves the most.
      const double saved = dtype == DataType::BFLOAT8_B ? 0 : group == Group::Ff1Ff3 ? 0.2 : 0.1;
      row.cost = {.needed_bytes = static_cast<std::int64_t>(1000 * (1 - saved)),
                  .decode_tok_s = 10 / (1 - saved)};
      groups.push_back(row);
    }
  }
  const std::vector<LayerSensitivity> layers{
      {Group::Ff1Ff3, 0, 0.03}, {Group::Ff1Ff3, 1, 0.015}, {Group::Wo, 0, 0.01}, {Group::Wo, 1, -0.001}};
  const std::vector<Cell> cells = cheapest_first(groups, layers, 2);
  const std::vector<Cell> expected{{Group::Wo, 1}, {Group::Ff1Ff3, 1}, {Group::Wo, 0}, {Group::Ff1Ff3, 0}};
  EXPECT_EQ(cells, expected);
  const Configuration two = mixture(cells, 2);
  EXPECT_EQ(two.exceptions.size(), 2u);
  EXPECT_EQ(two.exceptions.at({Group::Ff1Ff3, 1}), (Setting{DataType::BFLOAT4_B, "LOFI"}));
}

TEST(AdviseMixtures, TheLargestCountThatMeetsTheTargetIsNarrowedDown) {
  for (const std::size_t limit : {0, 1, 17, 59, 60, 61, 118, 119}) {
    std::vector<std::size_t> asked;
    search_mixtures(120, [&](std::size_t count) {
      EXPECT_TRUE(count > 0 && count < 120) << count;
      EXPECT_EQ(std::ranges::count(asked, count), 0) << "measured twice";
      asked.push_back(count);
      return count <= limit;
    });
    EXPECT_LE(asked.size(), static_cast<std::size_t>(kEvenMixtures + kMixtureHalvings));
    std::size_t best = 0;
    for (const std::size_t count : asked) best = count <= limit ? std::max(best, count) : best;
    EXPECT_LE(limit - best, 1u) << limit;
  }
  search_mixtures(1, [](std::size_t) { return ADD_FAILURE(), true; });
}

TEST(AdviseConfiguration, OneLayerAlone) {
  models::Precision p = to_precision(most_precise_configuration());
  apply_to_layer(p, 1, Group::Ff2, {DataType::BFLOAT4_B, "LOFI"});
  EXPECT_EQ(p.layer(1).ff2, DataType::BFLOAT4_B);
  EXPECT_EQ(p.layer(1).ff1_ff3, DataType::BFLOAT16);
  EXPECT_EQ(p.layer(0).ff2, DataType::BFLOAT16);
}

TEST(AdviseConfiguration, AComposedModelIsTheLoadedOne) {
  const test::TinyFolder folder;
  const auto checkpoint = folder.open();
  const auto ids = some_tokens(20);
  for (const Engine engine : {Engine::Fast, Engine::Exact}) {
    for (const char* preset : {"accuracy", "performance"}) {
      models::Precision precision = models::parse_precision(preset);
      if (engine == Engine::Exact) precision.activation = DataType::BFLOAT16;
      ComposedModel composed(engine, *checkpoint, 20);
      const test::TinyModel loaded = test::load_tiny(*checkpoint, engine, preset);
      EXPECT_EQ(text_logits(composed.compose(precision), ids), text_logits(*loaded.model, ids))
          << to_string(engine) << " " << preset;
    }
  }
}

TEST(AdviseFront, NoPointOnItIsDominated) {
  std::vector<Point> points;
  for (int i = 0; i < 60; ++i)
    points.push_back(point(0.01 * ((i * 17) % 23), 10 + (i * 29) % 31, 100 + (i * 13) % 19));
  mark_front(points);
  int on_front = 0;
  for (const Point& p : points) {
    on_front += p.on_front ? 1 : 0;
    const bool beaten = std::ranges::any_of(points, [&](const Point& q) { return dominates(q, p); });
    EXPECT_EQ(p.on_front, !beaten);
    if (!p.on_front) {
      EXPECT_TRUE(std::ranges::any_of(points, [&](const Point& q) { return q.on_front && dominates(q, p); }))
          << "something on the front beats what is not";
    }
  }
  EXPECT_GT(on_front, 0);
  EXPECT_LT(on_front, 60);
}

TEST(AdviseFront, EqualPointsDoNotBeatEachOther) {
  const Point p = point(0.1, 10, 100);
  EXPECT_FALSE(dominates(p, p));
  EXPECT_TRUE(dominates(point(0.1, 10, 99), p));
  EXPECT_FALSE(dominates(point(0.2, 11, 99), p));
  EXPECT_FALSE(dominates(point(std::numeric_limits<double>::infinity(), 10, 100), p));
}

TEST(AdviseFront, TheQuickestThatMeetsTheTarget) {
  const std::vector<Point> points{point(0.001, 10, 100, 99), point(0.01, 20, 90, 96), point(0.1, 30, 80, 85)};
  EXPECT_EQ(choose(points, {.top1 = 95}), 1u);
  EXPECT_EQ(choose(points, {.top1 = 95, .kl = 0.005}), 0u);
  EXPECT_EQ(choose(points, {.kl = 1.0}), 2u);
  EXPECT_EQ(choose(points, {.top1 = 99.5}), std::nullopt);
  EXPECT_EQ(nearest(points, {.top1 = 99.5}), 0u);
}

TEST(AdviseScore, TheReferenceAgainstItself) {
  const std::vector<std::int32_t> ids{0, 1, 2};
  const std::vector<float> logits{0, 1, 2, 3, 3, 0, 0, 0, 0, 5, 0, 0};
  const Score same = score(logits, logits, ids);
  EXPECT_EQ(same.tokens, 3);
  EXPECT_DOUBLE_EQ(same.top1, 100);
  EXPECT_DOUBLE_EQ(same.top5, 100);
  EXPECT_NEAR(same.kl, 0, 1e-12);
  EXPECT_DOUBLE_EQ(same.pcc, 1);
  // -ln p of token 1 in the first row and of token 2 in the second.
  const double first = std::log(1 + std::exp(1.0) + std::exp(2.0) + std::exp(3.0)) - 1;
  const double second = std::log(std::exp(3.0) + 3);
  EXPECT_NEAR(same.perplexity, std::exp((first + second) / 2), 1e-9);
}

Advice advise_tiny(const io::Checkpoint& checkpoint, const std::string& path, const AdviseOptions& options) {
  return advise(checkpoint, plan::read_model_facts(path), some_tokens(24), options);
}

TEST(Advise, ATinyModel) {
  const test::TinyFolder folder;
  const auto checkpoint = folder.open();
  int last = 0, total = 0;
  const Advice a = advise(*checkpoint, plan::read_model_facts(folder.path().string()), some_tokens(24), {},
                          [&](int done, int of) {
                            EXPECT_EQ(done, last + 1);
                            last = done;
                            total = of;
                          });
  EXPECT_LE(last, total);
  EXPECT_LE(total - last, 2 + kMixtureHalvings) << "the presets may be steps of the path";
  EXPECT_EQ(a.tokens, 24);
  EXPECT_EQ(a.layers.size(), 4u * 3u);
  // A coarser storage of the same weights costs more.
  const auto added = [&](Group group, DataType dtype, const char* engine) {
    const auto row = std::ranges::find_if(a.groups, [&](const Sensitivity& s) {
      return s.group == group && s.setting.dtype == dtype && s.engine == engine;
    });
    EXPECT_NE(row, a.groups.end());
    EXPECT_EQ(row->score.tokens, 24);
    return row->added_kl;
  };
  EXPECT_GT(added(Group::Ff1Ff3, DataType::BFLOAT4_B, "fast"),
            added(Group::Ff1Ff3, DataType::BFLOAT8_B, "fast"));
  EXPECT_GT(added(Group::Ff2, DataType::BFLOAT4_B, "exact"), 0);
  added(Group::KvCache, DataType::BFLOAT8_B, "fast");
  for (const LayerSensitivity& cell : a.layers) EXPECT_TRUE(std::isfinite(cell.added_kl));
  // From the most precise to the smallest configuration: memory falls, step by step.
  EXPECT_EQ(a.points.front().configuration, most_precise_configuration());
  for (std::size_t i = 1; i < 10; ++i)
    EXPECT_LE(a.points[i].cost.needed_bytes, a.points[i - 1].cost.needed_bytes) << a.points[i].name;
  EXPECT_TRUE(std::ranges::any_of(a.points, &Point::on_front));
  // Configurations that differ by layer are among the points.
  const auto mixtures =
      std::ranges::count_if(a.points, [](const Point& p) { return !p.configuration.exceptions.empty(); });
  EXPECT_GE(mixtures, 7);
  EXPECT_EQ(a.answer_decode.tokens, 24);
  EXPECT_GT(a.answer_decode.kl, 0);
  EXPECT_LT(a.answer_decode.kl, 10 * a.points[*a.chosen].score.kl) << "decode is the same text";
  // Without a target: as accurate as TT-Transformers' own preset.
  ASSERT_TRUE(a.chosen);
  EXPECT_TRUE(a.target.kl);
  EXPECT_LE(a.points[*a.chosen].score.kl, *a.target.kl);

  const auto json = nlohmann::json::parse(advice_json(a).dump());
  EXPECT_EQ(json.at("points").size(), a.points.size());
  EXPECT_TRUE(json.at("met").get<bool>());
  const std::string page = advice_html(a);
  EXPECT_TRUE(contains(page, "id=\"layers\""));
  EXPECT_TRUE(contains(page, "24 tokens"));
  EXPECT_TRUE(contains(advice_text(a), "exact engine, 24 tokens"));
}

TEST(Advise, ATargetThatNothingMeetsIsSaidSo) {
  const test::TinyFolder folder;
  const auto checkpoint = folder.open();
  const Advice a = advise_tiny(*checkpoint, folder.path().string(), {.layers = false, .target = {.kl = 0.0}});
  EXPECT_FALSE(a.chosen);
  EXPECT_TRUE(a.layers.empty());
  EXPECT_TRUE(contains(verdict_line(a), "No configuration reaches KL <= 0"));
  const auto json = nlohmann::json::parse(advice_json(a).dump());
  EXPECT_FALSE(json.at("met").get<bool>());
  EXPECT_TRUE(json.at("chosen").is_null());
  EXPECT_TRUE(json.at("nearest").is_object());
  EXPECT_TRUE(contains(advice_html(a), "not met"));
}

TEST(Advise, WhatCannotBeAnswered) {
  const test::TinyFolder folder;
  const auto checkpoint = folder.open();
  const plan::ModelFacts facts = plan::read_model_facts(folder.path().string());
  EXPECT_THROW(advise(*checkpoint, facts, {5}, {}), UserError) << "one token predicts nothing";
  EXPECT_THROW(advise(*checkpoint, facts, some_tokens(8), {.device = "cpu"}), UserError) << "no bandwidth";
  EXPECT_THROW(advise(*checkpoint, facts, some_tokens(8), {.context = 100000}), UserError);
  EXPECT_THROW(advise(*checkpoint, facts, some_tokens(8), {.batch = 33}), UserError);
}

TEST(Advise, GridOfFidelities) {
  const test::TinyFolder folder;
  const auto checkpoint = folder.open();
  const std::vector<GridCell> cells = fidelity_grid(*checkpoint, some_tokens(16));
  ASSERT_EQ(cells.size(), 24u);
  const auto kl = [&](DataType weights, MathFidelity fidelity, bool fp32_dest) {
    return std::ranges::find_if(cells,
                                [&](const GridCell& c) {
                                  return c.weights == weights && c.fidelity == fidelity &&
                                         c.fp32_dest == fp32_dest;
                                })
        ->score.kl;
  };
  EXPECT_GT(kl(DataType::BFLOAT4_B, MathFidelity::HiFi4, true),
            kl(DataType::BFLOAT16, MathFidelity::HiFi4, true));
  EXPECT_GT(kl(DataType::BFLOAT16, MathFidelity::LoFi, true),
            kl(DataType::BFLOAT16, MathFidelity::HiFi4, true));
  EXPECT_TRUE(contains(grid_text("tiny", cells), "| bfloat4_b | LoFi | 16-bit |"));
  EXPECT_EQ(grid_json("tiny", cells).at("grid").size(), 24u);
}

}  // namespace
}  // namespace tessera::verify
