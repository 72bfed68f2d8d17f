// Every family against Hugging Face: tiny checkpoints with the family's real keys (tests/data/families),
// hidden states of every layer and logits of every position, by prefill, by chunks, and by decode steps.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "families.hpp"
#include "generate/generator.hpp"
#include "io/golden.hpp"
#include "metrics/compare_rows.hpp"
#include "metrics/logits.hpp"
#include "models/inspect.hpp"
#include "models/load_model.hpp"
#include "verify/forced.hpp"

namespace tessera::verify {
namespace {

std::filesystem::path families() {
  return TESSERA_TEST_DATA "/families";
}
// Of the largest value. The family's measure is 1e-3; float32 sums in another order leave less than 1e-5, and
// the two forms of GELU are 1e-4 apart.
constexpr double kHiddenBound = 5e-5;

struct Loaded {
  std::shared_ptr<Device> device;
  std::unique_ptr<nn::CausalLm> model;
};

/// Tables as long as the golden: RoPE that depends on the length of the run is the golden's.
Loaded load(const std::filesystem::path& path, const io::Golden& golden, Engine engine,
            const char* precision) {
  Loaded result;
  result.device = Device::open("cpu", engine);
  result.model = models::load_model(*result.device, *io::Checkpoint::open(path),
                                    {.precision = models::parse_precision(precision),
                                     .max_seq = static_cast<int>(golden.forced.ids.size()),
                                     .use_weight_cache = false});
  return result;
}

double largest(std::span<const float> values) {
  double scale = 0;
  for (const float value : values) scale = std::max(scale, std::abs(static_cast<double>(value)));
  return scale;
}

/// The first rows of a longer run, as many as the golden has.
std::span<const float> head(const std::vector<float>& values, const std::vector<float>& golden) {
  return std::span(values).first(std::min(values.size(), golden.size()));
}

using Check = std::function<void(const std::string& name, const std::vector<float>& theirs,
                                 std::span<const float> ours)>;

void each_layer(const io::GoldenHidden& golden, const ForcedRun& run, const Check& check) {
  ASSERT_EQ(golden.layers.size(), run.layers.size() + 1);
  check("embedding", golden.layers[0], head(run.embedding, golden.layers[0]));
  for (std::size_t i = 0; i < run.layers.size(); ++i) {
    const std::vector<float>& theirs = golden.layers[i + 1];
    check(fmt::format("layer {}", i), theirs, head(run.layers[i], theirs));
  }
  check("final norm", golden.final_norm, head(run.final_norm, golden.final_norm));
}

void expect_hidden(const io::GoldenHidden& golden, const ForcedRun& run) {
  each_layer(golden, run, [](const auto& name, const auto& theirs, std::span<const float> ours) {
    ASSERT_EQ(theirs.size(), ours.size()) << name;
    EXPECT_LE(metrics::compare(theirs, ours).max_abs, kHiddenBound * largest(theirs)) << name;
  });
}

/// The token, the best logits and the sum of one position.
void expect_logits(const io::GoldenForced& golden, std::size_t row, std::span<const float> ours) {
  const auto k = static_cast<std::size_t>(golden.topk.k);
  const auto ids = std::span(golden.topk.ids).subspan(row * k, k);
  const auto logits = std::span(golden.topk.logits).subspan(row * k, k);
  EXPECT_EQ(metrics::argmax(ours), ids[0]) << "position " << row;
  const double bound = kHiddenBound * largest(logits);
  double error = std::abs(metrics::logsumexp(ours) - golden.logsumexp[row]);
  for (std::size_t j = 0; j < k; ++j) {
    error =
        std::max(error, std::abs(static_cast<double>(ours[static_cast<std::size_t>(ids[j])]) - logits[j]));
  }
  EXPECT_LE(error, bound) << "position " << row;
}

void expect_logits(const io::GoldenForced& golden, const ForcedRun& run) {
  ASSERT_EQ(run.ids.size(), golden.ids.size());
  for (std::size_t row = 0; row < run.ids.size(); ++row) expect_logits(golden, row, run.row(row));
}

/// Both ways through a model.
std::vector<ForcedRun> both_ways(const nn::CausalLm& model, const io::Golden& golden) {
  const auto context = static_cast<int>(golden.forced.ids.size());
  return {forced_prefill(model, golden.forced.ids, context),
          forced_decode(model, golden.forced.ids, context)};
}

class Families : public ::testing::TestWithParam<test::FamilyGolden> {
 protected:
  const std::filesystem::path folder_ = families() / GetParam().folder;
  const io::Golden golden_ = io::read_golden(folder_ / GetParam().file);
};

TEST_P(Families, RefIsWhatTransformersComputes) {
  ASSERT_GE(golden_.forced.ids.size(), 30u);
  EXPECT_EQ(golden_.content_hash, io::Checkpoint::open(folder_)->content_hash());
  const Loaded loaded = load(folder_, golden_, Engine::Ref, "fp32");
  for (const ForcedRun& run : both_ways(*loaded.model, golden_)) {
    expect_hidden(golden_.hidden, run);
    expect_logits(golden_.forced, run);
  }
}

// Chunks that end off the window, off the original context, and on the page.
TEST_P(Families, ChunkedPrefillGoesOnAsTheWholeOne) {
  const Loaded loaded = load(folder_, golden_, Engine::Ref, "fp32");
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
    const Loaded loaded = load(folder_, golden_, Engine::Fast, precision);
    for (const ForcedRun& run : both_ways(*loaded.model, golden_)) {
      each_layer(golden_.hidden, run, [&](const auto& name, const auto& theirs, std::span<const float> ours) {
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
  const Loaded loaded = load(families() / GetParam() / "model.gguf", golden, Engine::Ref, "fp32");
  for (const ForcedRun& run : both_ways(*loaded.model, golden)) {
    expect_hidden(golden.hidden, run);
    expect_logits(golden.forced, run);
  }
}
std::string folder_of(const ::testing::TestParamInfo<const char*>& info) {
  return info.param;
}
INSTANTIATE_TEST_SUITE_P(All, FamilyGgufs, ::testing::ValuesIn(test::kFamilyGgufs), folder_of);

/// Whether `inspect` finds nothing missing.
bool is_supported(const std::filesystem::path& path) {
  return models::inspect(*io::Checkpoint::open(path), path, {}).is_supported();
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
