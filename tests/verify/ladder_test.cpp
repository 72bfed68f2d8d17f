// The ladder from the outside: all ten items, phases, resuming.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>

#include "io/golden.hpp"
#include "ladder.hpp"
#include "ops/isa.hpp"
#include "util/error.hpp"
#include "util/file.hpp"
#include "verify/bringup.hpp"

namespace tessera::verify {
namespace {

using test::item;
using Names = std::vector<std::string>;

class LadderTest : public ::testing::Test {
 protected:
  BringupOptions options() const {
    BringupOptions options;
    options.model = files_.path().string();
    options.tokens = 24;
    options.out = files_.root() / "report";
    return options;
  }
  // Runs and notes the phases that were begun.
  report::BringupReport run(const BringupOptions& options) {
    begun_.clear();
    return run_bringup(options, [&](const std::string& phase) { begun_.push_back(phase); });
  }
  // Stops at the n-th phase, as Ctrl-C does.
  void interrupt_at(std::size_t n, const BringupOptions& options) {
    begun_.clear();
    EXPECT_THROW(run_bringup(options,
                             [&](const std::string& phase) {
                               begun_.push_back(phase);
                               if (begun_.size() == n) throw Interrupted();
                             }),
                 Interrupted);
  }
  std::filesystem::path state() const { return options().out / "state.json"; }

  const Names all_{
      "baseline",          "phase 1: decode modules",         "phase 2: layers",           "phase 3: decode",
      "phase 4: accuracy", "phase 5: prefill and end to end", "phase 6: trace and queues", "phase 7: mesh"};
  tessera::test::TinyFolder files_{test::ladder_options()};
  Names begun_;
};

TEST_F(LadderTest, GoodModelPassesEverything) {
  const auto report = run(options());
  EXPECT_EQ(begun_, all_);
  ASSERT_EQ(report.checklist.size(), 10u);
  EXPECT_TRUE(all_required_pass(report));
  for (int i = 2; i <= 10; ++i) {
    EXPECT_EQ(item(report, i).status, report::Status::Pass) << i << ": " << item(report, i).reason;
    EXPECT_FALSE(item(report, i).evidence.empty());
  }
  EXPECT_EQ(item(report, 1).status, report::Status::Skipped);
  EXPECT_NE(item(report, 1).reason.find("no golden file"), std::string::npos);

  ASSERT_EQ(report.accuracy.size(), 2u);
  EXPECT_EQ(report.accuracy[0].text, "generated");
  EXPECT_EQ(report.accuracy[0].tokens, 24);
  EXPECT_EQ(report.accuracy[1].text, "forced");
  EXPECT_EQ(report.accuracy[1].tokens, 128);
  EXPECT_EQ(report.layers.size(), 6u);  // three layers, decode and prefill
  ASSERT_EQ(report.generations.size(), 3u);
  EXPECT_EQ(report.generations[0].mode, "decode");
  // What a user sees: item 8's text, beside the reference's.
  EXPECT_EQ(report.generations[2].mode, "prefill");
  EXPECT_FALSE(report.generations[2].text.empty());
  EXPECT_FALSE(report.generations[2].reference_text.empty());
  // Each step has its figures and its time.
  for (const char* phase : {"modules", "layers", "decode", "prefill"}) {
    EXPECT_TRUE(std::ranges::any_of(report.ops, [&](const auto& row) { return row.phase == phase; }))
        << phase;
  }
  for (const auto& row : report.ops) EXPECT_GT(row.ms, 0) << row.phase << ' ' << row.path << ' ' << row.op;
  for (const auto& layer : report.layers) EXPECT_GT(layer.ms, 0) << layer.mode << ' ' << layer.layer;
  for (const auto& e : report.equivalences) EXPECT_GT(e.ms, 0) << e.name;
  for (const auto& a : report.accuracy) {
    EXPECT_TRUE(a.pass) << a.text;
    EXPECT_GT(a.ms, 0);
    EXPECT_GT(a.max_abs, 0);
    EXPECT_GT(a.rel_l2, 0);
  }
  // The end-to-end run of one user, not the ladder's steps of 32.
  EXPECT_GT(report.memory.peak_bytes, report.memory.weights_bytes);
  EXPECT_LT(report.memory.peak_bytes, report.memory.ladder_peak_bytes);
  EXPECT_EQ(report.equivalences.size(), 19u);
  for (const auto& e : report.equivalences) EXPECT_TRUE(e.equal) << e.name << " " << e.what;
  EXPECT_GT(report.memory.weights_bytes, 0);
  // Keys and values, 3 layers, 2 heads, 128 positions of 16 channels in tiles of 32, bfloat16.
  EXPECT_EQ(report.memory.kv_bytes, 2 * 3 * 2 * 128 * 32 * 2);
  EXPECT_GT(report.performance.decode_tok_s, 0);
  EXPECT_EQ(report.ways.size(), 6u);
  for (const auto& way : report.ways) EXPECT_TRUE(way.equal) << way.name;
  EXPECT_GT(report.trace.commands, 0);
  EXPECT_EQ(report.mesh.shape, "1x2");
  ASSERT_EQ(report.mesh.ways.size(), 4u);  // one device, tensor parallel 2, data parallel 2, fractured
  EXPECT_TRUE(std::filesystem::exists(options().out / "timeline.json"));
  EXPECT_TRUE(std::filesystem::exists(options().out / "report.json"));
  EXPECT_FALSE(std::filesystem::exists(state()));
}

TEST_F(LadderTest, EveryPrecisionRuns) {
  for (const char* precision : {"fp32", "bf16", "performance"}) {
    BringupOptions o = options();
    o.precision = precision;
    o.phases = {1, 5};
    const auto report = run(o);
    EXPECT_EQ(report.precision, precision);
    // bfloat4_b in gate and up is not a thousandth off, and the ladder says so.
    const bool four_bits = std::string(precision) == "performance";
    EXPECT_EQ(item(report, 2).status, four_bits ? report::Status::Fail : report::Status::Pass)
        << item(report, 2).reason;
    if (four_bits) {
      EXPECT_NE(item(report, 2).reason.find("layers.0.mlp"), std::string::npos);
    }
  }
}

TEST_F(LadderTest, RefEngineEqualsItself) {
  BringupOptions o = options();
  o.engine = "ref";
  o.precision = "fp32";
  o.phases = {1, 2};
  const auto report = run(o);
  for (const auto& row : report.ops) EXPECT_EQ(row.max_abs, 0) << row.path << " " << row.op;
}

TEST_F(LadderTest, ChosenPhasesOnly) {
  BringupOptions o = options();
  o.phases = {3, 1, 3};
  const auto report = run(o);
  EXPECT_EQ(begun_, (Names{all_[1], all_[3]}));
  for (const int i : {3, 5, 6, 7, 8}) {
    EXPECT_EQ(item(report, i).status, report::Status::Skipped);
    EXPECT_EQ(item(report, i).reason, "its phase was not run");
  }
  EXPECT_EQ(item(report, 2).status, report::Status::Pass);
  EXPECT_EQ(item(report, 4).status, report::Status::Pass);
  o.phases = {8};
  EXPECT_THROW(run(o), UserError);
}

TEST_F(LadderTest, EveryWayOfSharingAMesh) {
  BringupOptions o = options();
  o.phases = {7};
  o.mesh = "2x4";
  const auto report = run(o);
  EXPECT_EQ(item(report, 10).status, report::Status::Pass) << item(report, 10).reason;
  EXPECT_EQ(report.mesh.transport, "threads");
  ASSERT_EQ(report.mesh.ways.size(), 7u);
  for (int i = 1; i <= 4; ++i) {
    const report::MeshWay& way = report.mesh.ways[static_cast<std::size_t>(i)];
    EXPECT_EQ(way.data_parallel, 1 << (i - 1));
    EXPECT_EQ(way.data_parallel * way.tensor_parallel, 8);
    EXPECT_TRUE(way.as_planned) << way.name;
    EXPECT_GE(way.pcc, 0.999) << way.name;
    EXPECT_EQ(way.users, 8);
  }
  EXPECT_LT(report.mesh.ways[1].weights_bytes, report.mesh.ways[0].weights_bytes);
  // A copy a chip does what one device does, and holds as much.
  EXPECT_EQ(report.mesh.ways[4].equal_users, 8);
  EXPECT_EQ(report.mesh.ways[4].weights_bytes, report.mesh.ways[0].weights_bytes);
}

TEST_F(LadderTest, OneChipHasNoMesh) {
  BringupOptions o = options();
  o.phases = {7};
  o.device = "n150";
  const auto report = run(o);
  EXPECT_EQ(item(report, 10).status, report::Status::Skipped);
  EXPECT_NE(item(report, 10).reason.find("n150 has one chip"), std::string::npos);
  o.mesh = "1x2";
  EXPECT_THROW(run(o), UserError);
}

TEST_F(LadderTest, GoesOnAfterAnInterruption) {
  const auto whole = run(options());
  interrupt_at(4, options());
  EXPECT_TRUE(std::filesystem::exists(state()));
  const auto resumed = run(options());
  EXPECT_EQ(begun_, Names(all_.begin() + 3, all_.end()));
  EXPECT_FALSE(std::filesystem::exists(state()));

  ASSERT_EQ(resumed.ops.size(), whole.ops.size());
  for (std::size_t i = 0; i < whole.ops.size(); ++i) {
    EXPECT_EQ(resumed.ops[i].path, whole.ops[i].path);
    EXPECT_EQ(resumed.ops[i].pcc, whole.ops[i].pcc);
    EXPECT_EQ(resumed.ops[i].pass, whole.ops[i].pass);
  }
  ASSERT_EQ(resumed.checklist.size(), whole.checklist.size());
  for (std::size_t i = 0; i < 7; ++i) {  // item 8's evidence has times in it
    EXPECT_EQ(resumed.checklist[i].status, whole.checklist[i].status);
    EXPECT_EQ(resumed.checklist[i].evidence, whole.checklist[i].evidence);
    EXPECT_EQ(resumed.checklist[i].reason, whole.checklist[i].reason);
  }
  EXPECT_EQ(resumed.accuracy[0].top1, whole.accuracy[0].top1);
  EXPECT_EQ(resumed.generations[1].tokens, whole.generations[1].tokens);
}

TEST_F(LadderTest, NoResumeBeginsAnew) {
  interrupt_at(3, options());
  BringupOptions o = options();
  o.resume = false;
  run(o);
  EXPECT_EQ(begun_, all_);
}

TEST_F(LadderTest, DamagedStateIsNoState) {
  const std::string good = [&] {
    interrupt_at(3, options());
    return read_text_file(state());
  }();
  auto json = nlohmann::json::parse(good);
  json["report"] = nlohmann::json::array({1, 2});
  for (const std::string& text :
       {std::string(), std::string("{"), good.substr(0, good.size() / 2), json.dump()}) {
    write_text_file(state(), text);
    BringupOptions o = options();
    o.phases = {0, 1};
    run(o);
    EXPECT_EQ(begun_, (Names{all_[0], all_[1]})) << text.substr(0, 40);
  }
}

TEST_F(LadderTest, AnotherRunsStateIsIgnored) {
  const auto changes = std::vector<std::function<void(BringupOptions&)>>{
      [](BringupOptions& o) { o.precision = "bf16"; }, [](BringupOptions& o) { o.prompt = "Another"; },
      [](BringupOptions& o) { o.tokens = 7; }, [](BringupOptions& o) { o.device = "n150"; },
      [](BringupOptions& o) { o.thresholds.op = 0.5; }};
  for (const auto& change : changes) {
    interrupt_at(2, options());
    BringupOptions o = options();
    o.phases = {0};
    change(o);
    run(o);
    EXPECT_EQ(begun_, Names{all_[0]});
  }
}

TEST_F(LadderTest, ChangedWeightsIgnoreTheState) {
  interrupt_at(2, options());
  tessera::test::TinyOptions other = test::ladder_options();
  other.seed = 2;
  write_tiny_folder(files_.path(), other);
  BringupOptions o = options();
  o.phases = {0};
  run(o);
  EXPECT_EQ(begun_, Names{all_[0]});
}

// The files that an option names are told by their contents.
TEST_F(LadderTest, ChangedFilesOfTheSameNameIgnoreTheState) {
  BringupOptions o = options();
  o.precision = (files_.root() / "precision.json").string();
  const auto write = [&](const char* group, const char* type) {
    write_text_file(
        o.precision,
        fmt::format(R"({{"decoders": {{"0": {{"precision_cfg": {{"{}": "{}"}}}}}}}})", group, type));
  };
  const auto begun_after = [&](const std::function<void()>& change) {
    interrupt_at(2, o);
    change();
    BringupOptions again = o;
    again.phases = {0};
    run(again);
    return begun_.size();
  };
  write("FF2", "BFP8");
  EXPECT_EQ(begun_after([] {}), 0u);
  EXPECT_EQ(begun_after([&] { write("FF2", "BF16"); }), 1u);
  EXPECT_EQ(begun_after([&] { write("KV_CACHE", "BFP8"); }), 1u);

  io::Golden golden;
  golden.source = "nobody";
  golden.content_hash = std::string(64, '0');
  golden.prompts = {"One"};
  golden.greedy = {{{1, 2}, {3}, {1.0f}}};
  o.golden = (files_.root() / "golden.safetensors").string();
  io::write_golden(o.golden, golden);
  EXPECT_EQ(begun_after([] {}), 0u);
  EXPECT_EQ(begun_after([&] {
              golden.greedy[0].ids[0] = 4;
              io::write_golden(o.golden, golden);
            }),
            1u);
}

TEST_F(LadderTest, AnotherInstructionSetIgnoresTheState) {
  const std::string before(current_isa());
  const std::string other(before == "scalar" ? available_isas().back() : "scalar");
  interrupt_at(2, options());
  force_isa(other);
  BringupOptions o = options();
  o.phases = {0};
  run(o);
  force_isa(before);
  EXPECT_EQ(begun_, other == before ? Names{} : Names{all_[0]});
}

// A cache of 32 positions holds a page; 40 and 63 end inside the second.
TEST(ShortContext, ModulesAndLayersRunOnWhatThereIs) {
  for (const int positions : {32, 40, 63}) {
    tessera::test::TinyOptions tiny = test::ladder_options();
    tiny.max_positions = positions;
    test::Ladder ladder(tiny);
    ASSERT_EQ(ladder.session.context, positions);
    const auto report = ladder.run({1, 2, 5});
    for (const int number : {2, 3, 7, 8})
      EXPECT_EQ(item(report, number).status, report::Status::Pass) << item(report, number).reason;
  }
}

TEST(ShortContext, TooShortIsSaidFirst) {
  tessera::test::TinyOptions tiny = test::ladder_options();
  tiny.max_positions = 31;
  const tessera::test::TinyFolder files(tiny);
  BringupOptions o;
  o.model = files.path().string();
  o.out = files.root() / "report";
  o.phases = {1};
  try {
    run_bringup(o);
    ADD_FAILURE() << "ran";
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("max_position_embeddings 31"), std::string::npos)
        << error.what();
  }
}

// More than the ladder's usual 640 positions: the model has them, so the prompt runs.
TEST(LongContext, ThePromptSetsIt) {
  tessera::test::TinyOptions tiny = test::ladder_options();
  tiny.max_positions = 1024;
  const tessera::test::TinyFolder files(tiny);
  BringupOptions o;
  o.model = files.path().string();
  o.out = files.root() / "report";
  o.phases = {3};
  o.prompt.clear();
  const text::Tokenizer tokenizer(files.open()->tokenizer());
  while (tokenizer.encode(o.prompt).size() < 700) o.prompt += "Hello, how are you? ";
  const auto report = run_bringup(o);
  EXPECT_EQ(item(report, 4).status, report::Status::Pass) << item(report, 4).reason;
}

TEST_F(LadderTest, RefusesWhatItCannotRun) {
  const auto refused = [&](auto change, const std::string& part) {
    BringupOptions o = options();
    change(o);
    try {
      run(o);
      ADD_FAILURE() << "ran: " << part;
    } catch (const UserError& error) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
  };
  refused([](auto& o) { o.tokens = 0; }, "--tokens 0");
  refused([](auto& o) { o.prompt = ""; }, "prompt is empty");
  // Before anything is loaded: the model has 128 positions.
  refused([](auto& o) { o.tokens = 500; }, "and 500 more need");
  refused([](auto& o) { o.tokens = 2147483647; }, "the model has 128");
  refused([](auto& o) { o.prompt = std::string(2000, '!') + " and so on"; }, "the model has 128");
  refused([](auto& o) { o.engine = "slow"; }, "slow");
  refused([](auto& o) { o.device = "n9000"; }, "n9000");
  refused([](auto& o) { o.precision = "int3"; }, "int3");
  refused([](auto& o) { o.golden = "/nowhere/golden.safetensors"; }, "/nowhere/golden.safetensors");
  refused([](auto& o) { o.out = "/proc/report"; }, "/proc/report");
}

}  // namespace
}  // namespace tessera::verify
