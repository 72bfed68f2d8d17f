// A model divided among the chips of a mesh gives what it gives on one device.
#include <gtest/gtest.h>

#include "comm/mesh_device.hpp"
#include "comm/meta/meta_group.hpp"
#include "generate/generate_text.hpp"
#include "metrics/compare.hpp"
#include "support/tiny_model.hpp"
#include "util/error.hpp"

namespace tessera::models {
namespace {

using tessera::test::load_tiny;
using tessera::test::odd_options;
using tessera::test::TinyFolder;
using tessera::test::TinyOptions;

const std::vector<std::int32_t> kPrompt{400, 17, 999, 1200, 333, 42, 801};

struct Result {
  std::vector<float> logits;         // of the prompt
  std::vector<std::int32_t> tokens;  // greedy, behind it
};

Result run_model(const nn::CausalLm& model) {
  generate::Generator generator(model, {.users = 1});
  Result result;
  result.logits = model.logits(generator.prefill_hidden(kPrompt)).to_vector();
  generator.release(0);
  const generate::Request request{.prompt = kPrompt, .max_new_tokens = 16};
  result.tokens = generate::generate(generator, std::span(&request, 1))[0].tokens;
  return result;
}

LoadOptions options_of(const std::string& precision, std::shared_ptr<comm::Group> group, bool cache = false,
                       const nn::TensorPlan& tensor = {}) {
  return {.precision = parse_precision(precision),
          .use_weight_cache = cache,
          .group = std::move(group),
          .tensor = tensor};
}

// By rank.
std::vector<Result> run_mesh(const io::Checkpoint& checkpoint, int chips, Engine engine,
                             const std::string& precision, bool cache = false,
                             const nn::TensorPlan& tensor = {}) {
  std::vector<Result> results(static_cast<std::size_t>(chips));
  comm::MeshDevice::open({1, chips}, "cpu", engine)->run([&](const comm::Chip& chip) {
    const auto model = load_model(chip.device, checkpoint, options_of(precision, chip.mesh, cache, tensor));
    results[static_cast<std::size_t>(chip.rank)] = run_model(*model);
  });
  return results;
}

// 9 heads over 3, channels and a vocabulary that are no multiples of 32.
TinyOptions nine_heads() {
  TinyOptions options;
  options.layers = 2;
  options.hidden = 72;
  options.heads = 9;
  options.kv_heads = 3;
  options.head_dim = 8;
  options.intermediate = 200;
  return options;
}

struct Case {
  const char* name;
  TinyOptions options;
};

class EveryDegree : public testing::TestWithParam<int> {};

TEST_P(EveryDegree, GivesTheLogitsAndTextOfOneDevice) {
  for (const Case& c : {Case{"plain", {}}, Case{"odd", odd_options()}, Case{"nine heads", nine_heads()}}) {
    const TinyFolder files(c.options);
    const auto checkpoint = files.open();
    const auto one = load_tiny(*checkpoint, Engine::Ref, "fp32");
    const Result expected = run_model(*one.model);
    const auto ranks = run_mesh(*checkpoint, GetParam(), Engine::Ref, "fp32");
    // Sums over the chips are other orders of the same sums.
    EXPECT_LT(metrics::compare(expected.logits, ranks[0].logits).rel_l2, 1e-5) << c.name;
    EXPECT_EQ(expected.tokens, ranks[0].tokens) << c.name;
    for (const Result& rank : ranks) {
      EXPECT_EQ(rank.logits, ranks[0].logits) << c.name;
      EXPECT_EQ(rank.tokens, ranks[0].tokens) << c.name;
    }
  }
}

TEST_P(EveryDegree, FastInEveryPrecision) {
  const TinyFolder files(nine_heads());
  const auto checkpoint = files.open();
  for (const char* precision : {"bf16", "accuracy", "performance"}) {
    const auto one = load_tiny(*checkpoint, Engine::Fast, precision);
    const auto ranks = run_mesh(*checkpoint, GetParam(), Engine::Fast, precision);
    EXPECT_GE(metrics::compare(run_model(*one.model).logits, ranks[0].logits).pcc, 0.999) << precision;
    for (const Result& rank : ranks) EXPECT_EQ(rank.logits, ranks[0].logits) << precision;
  }
}

TEST_P(EveryDegree, HoldsTheBytesThatTheMetaEngineCounts) {
  const TinyFolder files;
  const auto checkpoint = files.open();
  const int chips = GetParam();
  std::int64_t whole = load_tiny(*checkpoint, Engine::Fast, "accuracy").device->allocated_bytes();
  comm::MeshDevice::open({1, chips}, "cpu", Engine::Fast)->run([&](const comm::Chip& chip) {
    const auto model = load_model(chip.device, *checkpoint, options_of("accuracy", chip.mesh));
    const auto meta = Device::open("cpu", Engine::Meta);
    const auto plan = load_meta_model(*meta, checkpoint->config(),
                                      options_of("accuracy", comm::meta_group(chips, chip.rank)));
    EXPECT_EQ(chip.device.allocated_bytes(), meta->allocated_bytes());
    EXPECT_LT(chip.device.allocated_bytes(), whole);
  });
}

INSTANTIATE_TEST_SUITE_P(Mesh, EveryDegree, testing::Values(2, 3, 4, 8));

struct Form {
  const char* name;
  int chips;
  nn::TensorPlan plan;
};

class EveryForm : public testing::TestWithParam<Form> {};

TEST_P(EveryForm, GivesTheLogitsAndTextOfOneDevice) {
  const Form& form = GetParam();
  for (const Case& c : {Case{"plain", {}}, Case{"odd", odd_options()}, Case{"nine heads", nine_heads()}}) {
    const TinyFolder files(c.options);
    const auto checkpoint = files.open();
    const auto one = load_tiny(*checkpoint, Engine::Ref, "fp32");
    const Result expected = run_model(*one.model);
    const auto ranks = run_mesh(*checkpoint, form.chips, Engine::Ref, "fp32", false, form.plan);
    EXPECT_LT(metrics::compare(expected.logits, ranks[0].logits).rel_l2, 1e-5) << c.name;
    for (const Result& rank : ranks) {
      EXPECT_EQ(rank.logits, ranks[0].logits) << c.name;
      EXPECT_EQ(rank.tokens, expected.tokens) << c.name;
    }
  }
}

TEST_P(EveryForm, FastInEveryPrecision) {
  const TinyFolder files(nine_heads());
  const auto checkpoint = files.open();
  for (const char* precision : {"bf16", "accuracy"}) {
    const auto one = load_tiny(*checkpoint, Engine::Fast, precision);
    const auto ranks =
        run_mesh(*checkpoint, GetParam().chips, Engine::Fast, precision, false, GetParam().plan);
    EXPECT_GE(metrics::compare(run_model(*one.model).logits, ranks[0].logits).pcc, 0.999) << precision;
    for (const Result& rank : ranks) EXPECT_EQ(rank.logits, ranks[0].logits) << precision;
  }
}

TEST_P(EveryForm, HoldsTheBytesThatTheMetaEngineCounts) {
  const auto& [name, chips, plan] = GetParam();
  const TinyFolder files(nine_heads());
  const auto checkpoint = files.open();
  comm::MeshDevice::open({1, chips}, "cpu", Engine::Fast)->run([&](const comm::Chip& chip) {
    const auto model = load_model(chip.device, *checkpoint, options_of("accuracy", chip.mesh, false, plan));
    const auto meta = Device::open("cpu", Engine::Meta);
    const auto planned = load_meta_model(
        *meta, checkpoint->config(), options_of("accuracy", comm::meta_group(chips, chip.rank), false, plan));
    EXPECT_EQ(chip.device.allocated_bytes(), meta->allocated_bytes());
  });
}

constexpr nn::TensorPlan kFractured{nn::TensorForm::Fractured};
constexpr nn::TensorPlan grid(int columns) {
  return {nn::TensorForm::Grid, columns};
}
INSTANTIATE_TEST_SUITE_P(Mesh, EveryForm,
                         testing::Values(Form{"fractured_2", 2, kFractured},
                                         Form{"fractured_4", 4, kFractured},
                                         Form{"fractured_8", 8, kFractured}, Form{"rows_2x2", 4, grid(2)},
                                         Form{"rows_2x4", 8, grid(4)}, Form{"rows_4x2", 8, grid(2)},
                                         Form{"rows_4x1", 4, grid(1)}, Form{"rows_1x2", 2, grid(2)}),
                         [](const auto& form) { return std::string(form.param.name); });

// A Galaxy's 32 chips, each with a thirty-second of the matrices and a quarter of the embedding.
TEST(Galaxy, GivesTheTextOfOneDevice) {
  TinyOptions options;
  options.layers = 1;
  options.hidden = 128;
  options.heads = 8;
  options.kv_heads = 8;
  options.intermediate = 256;
  const TinyFolder files(options);
  const auto checkpoint = files.open();
  const auto one = load_tiny(*checkpoint, Engine::Fast, "accuracy");
  const Result expected = run_model(*one.model);
  const auto ranks = run_mesh(*checkpoint, 32, Engine::Fast, "accuracy", false, grid(4));
  for (const Result& rank : ranks) EXPECT_EQ(rank.tokens, expected.tokens);
  EXPECT_GE(metrics::compare(expected.logits, ranks[31].logits).pcc, 0.999);
}

TEST(MeshWeights, OfEachFormHaveTheirOwnFiles) {
  const TinyFolder files;
  const auto checkpoint = files.open();
  const auto packed = run_mesh(*checkpoint, 4, Engine::Fast, "accuracy");
  for (const nn::TensorPlan& plan : {nn::TensorPlan{}, kFractured, grid(2), grid(4)}) {
    const auto first = run_mesh(*checkpoint, 4, Engine::Fast, "accuracy", true, plan);
    const auto mapped = run_mesh(*checkpoint, 4, Engine::Fast, "accuracy", true, plan);
    EXPECT_EQ(first[3].logits, mapped[3].logits);
    EXPECT_EQ(first[3].tokens, packed[3].tokens);
  }
}

TEST(MeshWeights, AreCachedByRank) {
  const TinyFolder files;
  const auto checkpoint = files.open();
  const auto first = run_mesh(*checkpoint, 2, Engine::Fast, "accuracy", true);
  int kept = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(files.root()))
    kept += entry.path().extension() == ".tsw";
  EXPECT_EQ(kept, 2);
  const auto mapped = run_mesh(*checkpoint, 2, Engine::Fast, "accuracy", true);
  const auto packed = run_mesh(*checkpoint, 2, Engine::Fast, "accuracy");
  EXPECT_EQ(first[0].logits, mapped[0].logits);
  EXPECT_EQ(first[0].logits, packed[0].logits);
}

TEST(MeshWeights, OfAGgufAreReadByRows) {
  const TinyOptions options;
  const TinyFolder files(options);
  const auto gguf = models::open_checkpoint(files.write_gguf(options));
  const auto one = load_tiny(*gguf, Engine::Ref, "fp32");
  const auto ranks = run_mesh(*gguf, 4, Engine::Ref, "fp32");
  EXPECT_LT(metrics::compare(run_model(*one.model).logits, ranks[3].logits).rel_l2, 1e-5);
}

}  // namespace
}  // namespace tessera::models
