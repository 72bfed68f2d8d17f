// Real models of other families than Llama against Hugging Face's figures. Fails when they are not there:
// scripts/fetch_test_models.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "family_run.hpp"
#include "generate/generate_text.hpp"
#include "io/catalogue.hpp"
#include "io/golden.hpp"
#include "ladder.hpp"
#include "metrics/logits.hpp"
#include "models/load_model.hpp"
#include "ops/slice/slice.hpp"
#include "verify/bringup.hpp"

namespace tessera::verify {
namespace {

class RealFamilies : public ::testing::TestWithParam<const char*> {
 protected:
  std::string golden_file() const {
    return std::string(TESSERA_TEST_DATA "/golden/") + GetParam() + ".safetensors";
  }
  report::BringupReport bring_up(const std::string& precision, std::vector<int> phases) const {
    const io::test::TempFolder out;
    BringupOptions options;
    options.model = GetParam();
    options.precision = precision;
    options.phases = std::move(phases);
    options.golden = golden_file();
    options.out = out.path();
    return run_bringup(options);
  }
};

// All phases, the mesh of two with tensor parallel among them.
TEST_P(RealFamilies, TheLadderPassesWithBfloat8Weights) {
  const auto report = bring_up("accuracy", {});
  for (int i = 1; i <= 10; ++i) {
    EXPECT_EQ(test::item(report, i).status, report::Status::Pass)
        << i << ": " << test::item(report, i).reason;
  }
  ASSERT_EQ(report.accuracy.size(), 2u);
  EXPECT_GE(report.accuracy[1].tokens, 200);
  for (const auto& accuracy : report.accuracy) {
    EXPECT_GE(accuracy.top1, 95.0) << accuracy.text;
    EXPECT_GE(accuracy.final_pcc, 0.99) << accuracy.text;
  }
}

TEST_P(RealFamilies, PromptsAreContinuedAsTransformersDoes) {
  const io::Golden golden = io::read_golden(golden_file());
  ASSERT_GE(golden.greedy.size(), 3u);
  const Session s = open_session(models::open_checkpoint(io::resolve_model(GetParam())), {});
  EXPECT_EQ(golden.content_hash, s.checkpoint->content_hash());
  std::vector<generate::Request> requests;
  for (std::size_t p = 0; p < golden.greedy.size(); ++p) {
    ASSERT_EQ(golden.greedy[p].ids.size(), 64u);
    EXPECT_EQ(s.tokenizer->encode(golden.prompts[p]), golden.greedy[p].prompt_ids) << golden.prompts[p];
    requests.push_back({.prompt = golden.greedy[p].prompt_ids, .max_new_tokens = 64});
  }
  generate::Generator generator(*s.reference,
                                {.users = static_cast<int>(requests.size()), .context = s.context});
  const auto results = generate::generate(generator, requests);
  for (std::size_t p = 0; p < requests.size(); ++p) {
    EXPECT_EQ(results[p].tokens, golden.greedy[p].ids) << golden.prompts[p];
  }
}

std::string name_of(const ::testing::TestParamInfo<const char*>& info) {
  std::string name = info.param;
  std::ranges::replace_if(name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(Nightly, RealFamilies, ::testing::Values("gemma-3-270m", "qwen2.5-coder-1.5b"),
                         name_of);

// Beyond the window of 512: what a model's rows agree with.
struct Agreement {
  std::size_t rows = 0, same = 0;
  double worst = 0;  // of the golden's best logits and the logsumexp, by the largest of them
};

void add_rows(const io::GoldenForced& golden, std::size_t first, const Tensor& logits, Agreement& sum) {
  const std::vector<float> ours = logits.to_vector();
  const auto vocab = static_cast<std::size_t>(logits.logical_shape()[-1]),
             k = static_cast<std::size_t>(golden.topk.k);
  for (std::size_t i = 0; i * vocab < ours.size(); ++i) {
    const auto row = std::span(ours).subspan(i * vocab, vocab);
    const std::size_t at = (first + i) * k;
    std::vector<float> theirs{golden.logsumexp[first + i]}, same{static_cast<float>(metrics::logsumexp(row))};
    for (std::size_t j = at; j < at + k; ++j) {
      theirs.push_back(golden.topk.logits[j]);
      same.push_back(row[static_cast<std::size_t>(golden.topk.ids[j])]);
    }
    ++sum.rows;
    sum.same += metrics::argmax(row) == golden.topk.ids[at] ? 1 : 0;
    sum.worst = std::max(sum.worst, test::relative_error(theirs, same));
  }
}

// Chunks that end on a page and off the window, then decode steps. Of a chunk the first rows, where the past
// is another chunk's and where the window ends, and the last ones are compared: a vocabulary is wide.
Agreement agreement(const nn::CausalLm& model, const io::GoldenForced& golden, std::size_t chunk) {
  constexpr std::size_t kSteps = 100, kFirst = 128, kLast = 32;
  const std::span<const std::int32_t> ids = golden.ids;
  const auto context = static_cast<int>(ids.size());
  nn::KvCache cache(model.device(), model.cache_config(1, context));
  cache.reserve(0, context);
  Agreement sum;
  const std::size_t prompt = ids.size() - kSteps;
  for (std::size_t start = 0; start < prompt; start += chunk) {
    const std::size_t n = std::min(chunk, prompt - start);
    const Tensor hidden = model.prefill(ids.subspan(start, n), cache, 0, static_cast<std::int64_t>(start));
    const auto compare = [&](std::size_t begin, std::size_t end) {
      const std::array<std::int64_t, 4> from{0, 0, static_cast<std::int64_t>(begin), 0},
          to{1, 1, static_cast<std::int64_t>(end), hidden.logical_shape()[-1]};
      add_rows(golden, start + begin, model.logits(slice(hidden, from, to)), sum);
    };
    compare(0, std::min(kFirst, n));
    if (n > kFirst + kLast) compare(n - kLast, n);
  }
  for (std::size_t i = prompt; i < ids.size(); ++i) {
    const auto position = static_cast<std::int32_t>(i);
    const auto upload = [&](std::int32_t value, const Shape& shape) {
      return to_device(model.device(), std::span<const std::int32_t>(&value, 1),
                       {shape, DataType::INT32, Layout::ROW_MAJOR});
    };
    add_rows(golden, i, model.decode(upload(ids[i], Shape{1, 1}), upload(position, Shape{1}), cache), sum);
  }
  return sum;
}

TEST(RealFamiliesLong, GemmaReadsBeyondItsWindowAsTransformersDoes) {
  const io::Golden golden = io::read_golden(TESSERA_TEST_DATA "/golden/gemma-3-270m-long.safetensors");
  const auto context = static_cast<int>(golden.forced.ids.size());
  ASSERT_EQ(context, 1500);
  const Session s = open_session(models::open_checkpoint(io::resolve_model("gemma-3-270m")),
                                 {.precision = models::parse_precision("accuracy"), .context = context});
  EXPECT_EQ(golden.content_hash, s.checkpoint->content_hash());
  const Agreement reference = agreement(*s.reference, golden.forced, 416);
  EXPECT_GE(reference.rows, 600u);
  EXPECT_EQ(reference.same, reference.rows);
  EXPECT_LE(reference.worst, 1e-3);
  for (const std::size_t chunk : {416u, 512u, 1400u}) {
    const Agreement fast = agreement(*s.model, golden.forced, chunk);
    EXPECT_GE(static_cast<double>(fast.same), 0.95 * static_cast<double>(fast.rows)) << chunk;
  }
}

}  // namespace
}  // namespace tessera::verify
