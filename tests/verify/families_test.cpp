// Every family against Hugging Face: tiny checkpoints with the family's real keys (tests/data/families),
// hidden states of every layer and logits of every position, by prefill, by chunks, and by decode steps.
#include <gtest/gtest.h>

#include <set>

#include "families.hpp"
#include "family_run.hpp"
#include "generate/generator.hpp"
#include "metrics/compare_rows.hpp"
#include "metrics/logits.hpp"
#include "models/inspect.hpp"

namespace tessera::verify {
namespace {

using test::each_layer;
using test::families;
using test::load;

// Of the largest value. The measure is 1e-3; float32 sums in another order leave less than 1e-5, and the two
// forms of GELU are 1e-4 apart.
constexpr double kBound = 5e-5;

void expect_hidden(const io::GoldenHidden& golden, const ForcedRun& run) {
  ASSERT_EQ(golden.layers.size(), run.layers.size() + 1);
  each_layer(golden, run, [](const std::string& name, auto theirs, auto ours) {
    ASSERT_EQ(theirs.size(), ours.size()) << name;
    EXPECT_LE(test::relative_error(theirs, ours), kBound) << name;
  });
}

/// The token, the best logits and the sum of one position.
void expect_logits(const io::GoldenForced& golden, std::size_t row, std::span<const float> ours) {
  const auto k = static_cast<std::size_t>(golden.topk.k);
  const auto ids = std::span(golden.topk.ids).subspan(row * k, k);
  std::vector<float> theirs(golden.topk.logits.begin() + static_cast<std::ptrdiff_t>(row * k),
                            golden.topk.logits.begin() + static_cast<std::ptrdiff_t>((row + 1) * k));
  std::vector<float> same;
  for (const std::int32_t id : ids) same.push_back(ours[static_cast<std::size_t>(id)]);
  theirs.push_back(golden.logsumexp[row]);
  same.push_back(static_cast<float>(metrics::logsumexp(ours)));
  EXPECT_EQ(metrics::argmax(ours), ids[0]) << "position " << row;
  EXPECT_LE(test::relative_error(theirs, same), kBound) << "position " << row;
}

void expect_golden(const io::Golden& golden, const nn::CausalLm& model) {
  for (const ForcedRun& run : test::both_ways(model, golden)) {
    expect_hidden(golden.hidden, run);
    ASSERT_EQ(run.ids.size(), golden.forced.ids.size());
    for (std::size_t row = 0; row < run.ids.size(); ++row) expect_logits(golden.forced, row, run.row(row));
  }
}

class Families : public ::testing::TestWithParam<test::FamilyGolden> {
 protected:
  const std::filesystem::path folder_ = families() / GetParam().folder;
  const io::Golden golden_ = io::read_golden(folder_ / GetParam().file);
};

TEST_P(Families, RefIsWhatTransformersComputes) {
  ASSERT_GE(golden_.forced.ids.size(), 30u);
  EXPECT_EQ(golden_.content_hash, test::open(folder_)->content_hash());
  expect_golden(golden_, *load(folder_, golden_, Engine::Ref, "fp32").model);
}

// Chunks that end off the window, off the original context, and on the page.
TEST_P(Families, ChunkedPrefillGoesOnAsTheWholeOne) {
  const test::Loaded loaded = load(folder_, golden_, Engine::Ref, "fp32");
  const auto& ids = golden_.forced.ids;
  for (const int chunk : {32, 64}) {
    generate::Generator generator(*loaded.model,
                                  {.users = 2, .prefill_chunk = chunk, .page_seed = 5, .poison_cache = true});
    for (const std::size_t length : {ids.size() - 1, ids.size()}) {
      const auto logits = generator.prefill(std::span(ids).first(length), 1).to_vector();
      expect_logits(golden_.forced, length - 1, logits);
    }
  }
}

TEST_P(Families, FastIsCloseToIt) {
  for (const char* precision : {"fp32", "bf16"}) {
    const test::Loaded loaded = load(folder_, golden_, Engine::Fast, precision);
    for (const ForcedRun& run : test::both_ways(*loaded.model, golden_)) {
      each_layer(golden_.hidden, run, [&](const std::string& name, auto theirs, auto ours) {
        const auto cols = static_cast<std::size_t>(golden_.hidden.hidden_size);
        const auto c = metrics::compare_rows(theirs, ours, cols);
        EXPECT_TRUE(metrics::passes(c, std::string_view(precision) == "fp32" ? 0.9999999 : 0.999))
            << precision << " " << name << ": " << c.even.pcc << " " << c.remark(0.999);
      });
    }
  }
}

std::string name_of(const ::testing::TestParamInfo<test::FamilyGolden>& info) {
  const std::string file = info.param.file;
  return info.param.folder + (file == "golden.safetensors" ? "" : file.substr(6, file.find('.') - 6));
}
INSTANTIATE_TEST_SUITE_P(All, Families, ::testing::ValuesIn(test::kFamilyGoldens), name_of);

class FamilyGgufs : public ::testing::TestWithParam<const char*> {};

TEST_P(FamilyGgufs, AreTheSameModels) {
  const io::Golden golden = io::read_golden(families() / GetParam() / "golden.safetensors");
  expect_golden(golden, *load(families() / GetParam() / "model.gguf", golden, Engine::Ref, "fp32").model);
}

std::string folder_of(const ::testing::TestParamInfo<const char*>& info) {
  return info.param;
}
INSTANTIATE_TEST_SUITE_P(All, FamilyGgufs, ::testing::ValuesIn(test::kFamilyGgufs), folder_of);

/// Whether `inspect` finds nothing missing.
bool is_supported(const std::filesystem::path& path) {
  return models::inspect(*test::open(path), path, {}).is_supported();
}

TEST(FamilyFolders, WhatRunsIsHeldToItsGoldens) {
  std::set<std::filesystem::path> goldens;
  std::set<std::string> ggufs;
  for (const auto& golden : test::kFamilyGoldens) goldens.insert(families() / golden.folder / golden.file);
  for (const char* folder : test::kFamilyGgufs) ggufs.insert(folder);
  std::size_t folders = 0;
  for (const auto& folder : std::filesystem::directory_iterator(families())) {
    if (!folder.is_directory()) continue;
    ++folders;
    const std::string name = folder.path().filename();
    const bool runs = is_supported(folder.path());
    for (const auto& file : std::filesystem::directory_iterator(folder)) {
      const std::string file_name = file.path().filename();
      if (file_name.starts_with("golden")) {
        EXPECT_EQ(goldens.contains(file.path()), runs) << name << "/" << file_name << ": see families.hpp";
      } else if (file_name == "model.gguf") {
        EXPECT_EQ(ggufs.contains(name), is_supported(file.path())) << name << "/model.gguf: see families.hpp";
      }
    }
  }
  EXPECT_GE(folders, 27u);
}

}  // namespace
}  // namespace tessera::verify
