#include "verify/lockstep.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "faults.hpp"
#include "generate/generator.hpp"
#include "ladder.hpp"
#include "util/rng.hpp"
#include "verify/capture.hpp"
#include "verify/equivalence.hpp"
#include "verify/rows.hpp"
#include "verify/scene.hpp"
#include "verify/spots.hpp"
#include "verify/tokens.hpp"

namespace tessera::verify {
namespace {

using test::Ladder;

const RowTags kTags{"test", "decode", "captured"};

std::vector<report::OpResult> check_scene(Session& s, const DecodeScene& scene, nn::KvCache& cache) {
  return check_ops(
      scene.recording,
      [&] { s.model->decode(scene.ids(s.model->device()), scene.at(s.model->device()), cache); }, kTags,
      s.thresholds);
}

TEST(Lockstep, EveryOpHasARowAndItsModule) {
  Ladder ladder;
  const DecodeScene scene = record_scene(ladder.session);
  nn::KvCache cache = scene.make_cache(ladder.device());
  const auto rows = check_scene(ladder.session, scene, cache);
  EXPECT_EQ(first_suspect(rows), nullptr);
  std::map<std::string, int> count;
  for (const auto& row : rows) {
    ++count[row.op];
    EXPECT_EQ(row.phase, "test");
    EXPECT_EQ(row.layer, layer_of(row.path)) << row.path;
    EXPECT_GE(row.pcc, 0.999);
  }
  EXPECT_EQ(count["rms_norm"], 7);
  EXPECT_EQ(count["linear"], 16);
  EXPECT_EQ(count["paged_update_cache"], 6);
  EXPECT_EQ(count["paged_scaled_dot_product_attention_decode"], 3);
  EXPECT_EQ(count["add"], 6);
  EXPECT_EQ(count["multiply"], 3);
  EXPECT_EQ(count.count("reshape"), 0u);
}

TEST(Lockstep, LocalErrorStaysWhereItIs) {
  Ladder ladder;
  const DecodeScene scene = record_scene(ladder.session);
  nn::KvCache cache = scene.make_cache(ladder.device());
  nn::Linear& up = ladder.device().layers[0].mlp.up_proj;
  up.weight = ladder.device().layers[1].mlp.up_proj.weight;
  const auto rows = check_scene(ladder.session, scene, cache);
  std::vector<std::string> failed;
  for (const auto& row : rows) {
    if (!row.pass) failed.push_back(row.path);
  }
  EXPECT_EQ(failed, std::vector<std::string>{"layers.0.mlp.up_proj"});
  // What follows it is bad in the run, and its inputs say why.
  const auto& last = rows.back();
  EXPECT_EQ(last.path, "lm_head");
  EXPECT_GE(last.pcc, 0.999);
  EXPECT_LT(last.own_pcc, 0.999);
  EXPECT_LT(last.input_pcc, 0.999);
}

TEST(Lockstep, PageMappedTwiceInTheCacheItself) {
  Ladder ladder;
  const DecodeScene scene = record_scene(ladder.session);
  nn::KvCache cache = scene.make_cache(ladder.device());
  cache.set_pages(3, {cache.pages_of(2, 0, 32).to_int_vector()[0], 7});
  const auto rows = check_scene(ladder.session, scene, cache);
  const report::OpResult* suspect = first_suspect(rows);
  ASSERT_NE(suspect, nullptr);
  EXPECT_EQ(suspect->path, "layers.0.self_attn");
  EXPECT_EQ(suspect->op, "paged_update_cache");
  EXPECT_NE(suspect->note.find("integer input 3 is 4 at 6 here, 6 in the reference"), std::string::npos)
      << suspect->note;
}

TEST(Lockstep, ReferenceWithFewerOpsIsNoticed) {
  Ladder ladder;
  DecodeScene scene = record_scene(ladder.session);
  nn::KvCache cache = scene.make_cache(ladder.device());
  scene.recording.pop_back();
  const auto rows = check_scene(ladder.session, scene, cache);
  ASSERT_NE(first_suspect(rows), nullptr);
  EXPECT_EQ(first_suspect(rows)->path, "lm_head");
  EXPECT_EQ(first_suspect(rows)->note, "the reference ran no further op");
}

TEST(Lockstep, DeviceWithFewerOpsIsNoticed) {
  Ladder ladder;
  DecodeScene scene = record_scene(ladder.session);
  nn::KvCache cache = scene.make_cache(ladder.device());
  OpRecord missing;
  missing.path = "lm_head";
  missing.name = "reshape";  // a view is no work
  scene.recording.push_back(missing);
  EXPECT_EQ(first_suspect(check_scene(ladder.session, scene, cache)), nullptr);
  cache = scene.make_cache(ladder.device());
  missing.name = "softcap";
  scene.recording.push_back(missing);
  const auto rows = check_scene(ladder.session, scene, cache);
  ASSERT_NE(first_suspect(rows), nullptr);
  EXPECT_EQ(first_suspect(rows), &rows.back());
  EXPECT_EQ(rows.back().path, "lm_head");
  EXPECT_EQ(rows.back().op, "softcap");
  EXPECT_EQ(rows.back().note, "the device did not run softcap in lm_head");
}

TEST(Lockstep, AnOpThatGivesSomethingElseTheSecondTime) {
  Ladder ladder;
  const DecodeScene scene = record_scene(ladder.session);
  nn::KvCache cache = scene.make_cache(ladder.device());
  const test::OutputFault fault("layers.2.mlp", "multiply", [](const OpEvent&, std::vector<float>& values) {
    for (float& value : values) value *= 1.2f;  // PCC sees nothing of this
  });
  const auto rows = check_scene(ladder.session, scene, cache);
  const report::OpResult* suspect = first_suspect(rows);
  ASSERT_NE(suspect, nullptr);
  EXPECT_EQ(suspect->path, "layers.2.mlp");
  EXPECT_EQ(suspect->op, "multiply");
  EXPECT_NE(suspect->note.find("not what it gives on the same inputs"), std::string::npos) << suspect->note;
  EXPECT_NE(suspect->note.find("scale 1.200"), std::string::npos) << suspect->note;
}

TEST(Lockstep, LayerOfAPath) {
  EXPECT_EQ(layer_of("layers.12.mlp.up_proj"), 12);
  EXPECT_EQ(layer_of("layers.0"), 0);
  EXPECT_EQ(layer_of("norm"), -1);
  EXPECT_EQ(layer_of("layers.x"), -1);
}

TEST(Spots, OneRowOneStripAndNone) {
  Rng rng(3);
  std::vector<float> reference(16 * 96);
  for (float& value : reference) value = rng.normal();
  std::vector<float> device = reference;
  for (float& value : device) value += 0.01f * rng.normal();
  EXPECT_EQ(bad_spots(reference, device, 96, 0.999), "");
  EXPECT_EQ(bad_spots(reference, reference, 96, 1.0), "");

  std::vector<float> row = device;
  for (std::size_t c = 0; c < 96; ++c) row[5 * 96 + c] = -row[5 * 96 + c];
  EXPECT_EQ(bad_spots(reference, row, 96, 0.999).substr(0, 13), "row 5 off by ");

  std::vector<float> strip = device;
  for (std::size_t r = 0; r < 16; ++r) {
    for (std::size_t c = 64; c < 96; ++c) strip[r * 96 + c] *= 1.1f;
  }
  EXPECT_EQ(bad_spots(reference, strip, 96, 0.999).substr(0, 23), "columns 64 to 95 off by");
  EXPECT_EQ(bad_spots(reference, strip, 96, 0.99), "");  // a tenth is within what 0.99 means
}

TEST(Spots, SmallRowsAreMeasuredByTheWhole) {
  std::vector<float> reference(64, 1.0f), device(64, 1.0f);
  for (std::size_t c = 0; c < 32; ++c) {
    reference[c] = 1e-6f;
    device[c] = -1e-6f;
  }
  EXPECT_EQ(bad_spots(reference, device, 32, 0.999), "");
  EXPECT_NE(bad_spots(std::vector<float>(64, 0.0f), device, 32, 0.999), "");
}

// A reference that repeats itself excuses a device that does, and nothing else.
TEST(Texts, OnlyTheSameKindOfDefectIsExcused) {
  report::Generation g;
  g.text = g.reference_text = "so so so so";
  g.tokens = g.reference_tokens = std::vector<int>(20, 7);
  EXPECT_EQ(garbage_of(g), "");
  g.text.clear();
  g.tokens.clear();
  EXPECT_EQ(garbage_of(g), "nothing was printed");
  g.tokens = std::vector<int>(20, 7);
  g.text = "\x01\x02\x03";
  EXPECT_NE(garbage_of(g).find("not printable"), std::string::npos);
  g.text = "so so so so";
  g.reference_tokens = {1, 2, 3};
  EXPECT_NE(garbage_of(g).find("over and over"), std::string::npos);
}

TEST(LayerCapture, AppendsStepsByLayer) {
  Ladder ladder;
  const nn::CausalLm& model = ladder.device();
  generate::Generator generator(model, {.users = 1, .context = 64});
  LayerCapture capture;
  std::vector<float> last;
  {
    const ObserverScope scope(capture);
    for (std::int32_t position = 0; position < 3; ++position) {
      const std::int32_t token = 40 + position;
      generator.decode(std::span(&token, 1), std::span(&position, 1));
    }
  }
  for (const int layer : {LayerCapture::kEmbedding, 0, 1, 2, LayerCapture::kFinalNorm})
    EXPECT_EQ(capture.layer(layer).size(), 3u * 64u) << layer;
  // Row 1 of the embedding is token 41's row of the table.
  const std::vector<float> table = model.embed_tokens.weight.to_vector();
  for (std::size_t c = 0; c < 64; ++c)
    EXPECT_EQ(capture.layer(LayerCapture::kEmbedding)[64 + c], table[41 * 64 + c]);
}

TEST(Equivalence, ABrokenWayIsNamed) {
  Ladder ladder;
  const auto text = ladder.session.forced_tokens(70);
  // Chunks after the first see no past: only the chunked ways are wrong.
  const test::OutputFault fault("self_attn", "chunked_scaled_dot_product_attention",
                                [](const OpEvent&, std::vector<float>& v) { std::ranges::fill(v, 0.0f); });
  for (const auto& e : check_equivalence(ladder.device(), ladder.session.context, text, 0.9999)) {
    const bool chunked = e.name.find("chunks") != std::string::npos;
    // The first layer's keys and values do not depend on attention, the later ones' do.
    EXPECT_EQ(e.pass, !chunked) << e.name << " " << e.what;
    EXPECT_EQ(e.equal, !chunked) << e.name << " " << e.what;
  }
}

TEST(Equivalence, UsersWhoDisturbEachOtherAreSeen) {
  Ladder ladder;
  const auto text = ladder.session.forced_tokens(64);
  EXPECT_TRUE(check_batch(ladder.device(), ladder.session.context, text, 5, 6).pass);
  // Row 1 gets row 0's attention as soon as there is company.
  const test::OutputFault fault("self_attn", "paged_scaled_dot_product_attention_decode",
                                [](const OpEvent& event, auto& values) {
                                  const Shape& shape = event.outputs[0].logical_shape();
                                  const std::int64_t row = shape[2] * shape[3];
                                  if (shape[1] > 1) std::copy_n(values.begin(), row, values.begin() + row);
                                });
  const auto result = check_batch(ladder.device(), ladder.session.context, text, 5, 6);
  EXPECT_FALSE(result.pass);
  EXPECT_NE(result.name.find("(4 of 5 equal)"), std::string::npos) << result.name;
}

TEST(Rows, DescribeSaysWhereAndWhy) {
  report::OpResult row;
  row.path = "layers.3.mlp";
  row.op = "linear";
  row.input = "normal";
  row.pcc = 0.912;
  row.threshold = 0.999;
  row.note = "columns 0 to 31 off by 0.300 of the scale";
  EXPECT_EQ(
      describe(row),
      "layers.3.mlp: linear (normal): PCC 0.912000, needs 0.999; columns 0 to 31 off by 0.300 of the scale");
}

TEST(Rows, ScaledOrConstantOutputFailsAModuleRow) {
  Rng rng(5);
  std::vector<float> reference(256), scaled, constant(256, 0.3f);
  for (float& value : reference) value = rng.normal();
  for (const float value : reference) scaled.push_back(1.1f * value);
  EXPECT_TRUE(module_row(kTags, "norm", "rms_norm", 0.999, reference, reference).pass);
  const auto row = module_row(kTags, "norm", "rms_norm", 0.999, reference, scaled);
  EXPECT_GT(row.pcc, 0.999);
  EXPECT_FALSE(row.pass);
  EXPECT_NE(row.note.find("scale 1.100"), std::string::npos);
  EXPECT_FALSE(module_row(kTags, "norm", "rms_norm", 0.999, reference, constant).pass);
  scaled[7] = NAN;
  EXPECT_FALSE(layer_row("decode", 0, 0.1, reference, scaled, 64, 0).pass);
}

// As in SmolLM2's middle layers: the first token is so large that no plain figure sees the others.
TEST(Rows, ALayerIsJudgedTokenByToken) {
  Rng rng(6);
  std::vector<float> reference(16 * 64);
  for (std::size_t i = 0; i < reference.size(); ++i) reference[i] = rng.normal() * (i < 64 ? 250.0f : 1.0f);
  std::vector<float> device = reference;
  for (std::size_t i = 64; i < device.size(); ++i) device[i] += rng.normal();
  const auto layer = layer_row("prefill", 15, 0.998, reference, device, 64, 2.5);
  EXPECT_GT(layer.plain_pcc, 0.998);
  EXPECT_LT(layer.pcc, 0.998);
  EXPECT_FALSE(layer.pass);
  EXPECT_GT(layer.worst_token, 0);
  EXPECT_NE(layer.note.find(fmt::format("row {} is off by", layer.worst_token)), std::string::npos);
  EXPECT_EQ(layer.ms, 2.5);
  EXPECT_FALSE(hidden_row(kTags, "layers.1", "stack", 0.998, reference, device, 64, 1).pass);
  EXPECT_TRUE(layer_row("prefill", 15, 0.998, reference, reference, 64, 0).pass);

  const std::vector<report::LayerResult> rows{layer_row("decode", 0, 0.998, reference, reference, 64, 0),
                                              layer};
  EXPECT_TRUE(judge_layers(rows, "decode").pass());
  const LayerVerdict verdict = judge_layers(rows, "prefill");
  EXPECT_EQ(verdict.failed, 1u);
  EXPECT_EQ(verdict.first_failed->layer, 15);
  EXPECT_FALSE(judge_layers(rows, "nothing").pass());
}

TEST(Rows, LogitsMayShiftButNotScale) {
  Rng rng(7);
  std::vector<float> reference(256), shifted, scaled;
  for (float& value : reference) value = rng.normal();
  for (const float value : reference) shifted.push_back(value + 0.5f);
  for (const float value : reference) scaled.push_back(1.5f * value);
  EXPECT_TRUE(logits_row(kTags, 0.99, reference, shifted, 0).pass);
  EXPECT_FALSE(logits_row(kTags, 0.99, reference, scaled, 0).pass);
}

}  // namespace
}  // namespace tessera::verify
