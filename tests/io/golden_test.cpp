#include "io/golden.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "io/safetensors.hpp"
#include "temp_folder.hpp"
#include "util/error.hpp"
#include "util/rng.hpp"

namespace tessera::io {
namespace {

std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

Golden sample() {
  Golden golden;
  golden.model = "tiny";
  golden.source = "tessera ref";
  golden.content_hash = "ab";
  golden.prompts = {"Hello", "two\nlines \"quoted\""};
  golden.forced.ids = {1, 2, 3};
  golden.forced.topk = {2, {1, 0, 2, 1, 3, 0}, {2, 1, 5, 5, -1, -2}};
  golden.forced.logsumexp = {2.5f, 5.5f, 0.0f};
  golden.hidden.ids = {4, 5};
  golden.hidden.hidden_size = 3;
  golden.hidden.layers = {{0, 1, 2, 3, 4, 5}, {6, 7, 8, 9, 10, 11}};
  golden.hidden.final_norm = {1, 1, 1, 2, 2, 2};
  golden.hidden.topk = {1, {7, 8}, {1.5f, 2.5f}};
  golden.greedy = {{{1}, {2, 3}, {0.5f, 0.25f}}, {{1, 2}, {3, 4}, {1.0f, 2.0f}}};
  return golden;
}

std::string written(const Golden& golden) {
  const test::TempFolder folder;
  write_golden(folder.path() / "x.golden", golden);
  return read_text_file(folder.path() / "x.golden");
}

TEST(Golden, WhatIsWrittenIsRead) {
  const Golden want = sample();
  const Golden got = parse_golden(as_bytes(written(want)), "x.golden");
  EXPECT_EQ(got.model, want.model);
  EXPECT_EQ(got.source, want.source);
  EXPECT_EQ(got.content_hash, want.content_hash);
  EXPECT_EQ(got.prompts, want.prompts);
  EXPECT_EQ(got.forced.ids, want.forced.ids);
  EXPECT_EQ(got.forced.topk.k, 2);
  EXPECT_EQ(got.forced.topk.ids, want.forced.topk.ids);
  EXPECT_EQ(got.forced.topk.logits, want.forced.topk.logits);
  EXPECT_EQ(got.forced.logsumexp, want.forced.logsumexp);
  EXPECT_EQ(got.hidden.ids, want.hidden.ids);
  EXPECT_EQ(got.hidden.hidden_size, 3);
  EXPECT_EQ(got.hidden.layers, want.hidden.layers);
  EXPECT_EQ(got.hidden.final_norm, want.hidden.final_norm);
  EXPECT_EQ(got.hidden.topk.ids, want.hidden.topk.ids);
  EXPECT_EQ(got.hidden.topk.logits, want.hidden.topk.logits);
  ASSERT_EQ(got.greedy.size(), 2u);
  EXPECT_EQ(got.greedy[1].prompt_ids, want.greedy[1].prompt_ids);
  EXPECT_EQ(got.greedy[1].ids, want.greedy[1].ids);
  EXPECT_EQ(got.greedy[1].margins, want.greedy[1].margins);
}

TEST(Golden, PartsMayBeAbsent) {
  Golden golden = sample();
  golden.forced = {};
  golden.greedy.clear();
  const Golden got = parse_golden(as_bytes(written(golden)), "x.golden");
  EXPECT_TRUE(got.forced.ids.empty());
  EXPECT_TRUE(got.greedy.empty());
  EXPECT_EQ(got.hidden.layers.size(), 2u);
}

TEST(Golden, ContradictionsAreRefused) {
  const std::vector<std::function<void(Golden&)>> faults = {
      [](Golden& g) { g.forced.topk.logits[1] = 3; },  // ascends
      [](Golden& g) { g.forced.topk.logits[1] = std::stof("nan"); },
      [](Golden& g) { g.hidden.final_norm[0] = std::stof("nan"); },
      [](Golden& g) { g.forced.ids[0] = -1; },
  };
  for (std::size_t i = 0; i < faults.size(); ++i) {
    Golden golden = sample();
    faults[i](golden);
    EXPECT_THROW(parse_golden(as_bytes(written(golden)), "x.golden"), UserError) << "fault " << i;
  }
  const test::TempFolder folder;
  Golden golden = sample();
  golden.greedy.pop_back();
  EXPECT_THROW(write_golden(folder.path() / "x", golden), UserError);
  golden = sample();
  golden.forced.logsumexp.pop_back();
  EXPECT_THROW(write_golden(folder.path() / "x", golden), UserError);
}

TEST(Golden, OtherFilesAreRefused) {
  const test::TempFolder folder;
  const std::vector<std::int32_t> ids = {1};
  SafetensorsWriter out;
  out.add("forced.ids", {1}, ids);
  out.write(folder.path() / "x");
  EXPECT_THROW(read_golden(folder.path() / "x"), UserError);  // no format
  out.metadata("format", "tessera-golden");
  out.metadata("version", "2");
  out.write(folder.path() / "x");
  EXPECT_THROW(read_golden(folder.path() / "x"), UserError);
  out.metadata("version", "1");
  out.write(folder.path() / "x");
  try {
    read_golden(folder.path() / "x");
    FAIL();
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("'forced.topk_ids' is missing"), std::string::npos)
        << error.what();
  }
  EXPECT_THROW(read_golden(TESSERA_TEST_DATA "/io/tiny.safetensors"), UserError);
}

TEST(Golden, TruncatedAndDamaged) {
  const std::string bytes = written(sample());
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    EXPECT_THROW(parse_golden(as_bytes(bytes.substr(0, n)), "x"), UserError) << n << " bytes";
  }
  Rng rng(4);
  int refused = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string bad = bytes;
    for (std::uint64_t n = 1 + rng.below(3); n != 0; --n)
      bad[rng.below(bad.size())] = static_cast<char>(rng.next());
    try {
      parse_golden(as_bytes(bad), "x");
    } catch (const UserError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace tessera::io
