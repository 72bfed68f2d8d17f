// Packed weights on disk: read once, rebuilt when damaged, left out when they cannot be written.
#include "models/weight_cache.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <thread>

#include "generate/generator.hpp"
#include "io/run_program.hpp"
#include "support/tiny_model.hpp"
#include "util/error.hpp"
#include "util/file.hpp"
#include "util/parallel.hpp"

namespace tessera::models {
namespace {

namespace fs = std::filesystem;
using tessera::test::TinyFolder;

// Counts what is read of another checkpoint.
class Counting final : public io::Checkpoint {
 public:
  explicit Counting(std::unique_ptr<io::Checkpoint> inner) : inner_(std::move(inner)) {
    config_ = inner_->config();
    for (const auto& tensor : inner_->tensors()) add_tensor(tensor, "counted");
  }
  void read(std::string_view name, std::span<float> out) const override {
    ++reads;
    inner_->read(name, out);
  }
  io::TokenizerFiles tokenizer() const override { return inner_->tokenizer(); }
  std::string content_hash() const override { return inner_->content_hash(); }
  mutable int reads = 0;

 private:
  std::unique_ptr<io::Checkpoint> inner_;
};

struct Loaded {
  std::vector<float> logits;
  int reads = 0;
};

class WeightCache : public ::testing::Test {
 protected:
  Loaded load(const std::string& precision = "accuracy") const {
    const Counting checkpoint(files_.open());
    const auto device = Device::open("cpu", Engine::Fast);
    const auto model = load_model(*device, checkpoint, {.precision = parse_precision(precision)});
    generate::Generator generator(*model, {.users = 1});
    const std::vector<std::int32_t> prompt{400, 17, 999};
    return {generator.prefill(prompt).to_vector(), checkpoint.reads};
  }
  fs::path cache_file(const std::string& precision = "accuracy") const {
    return weight_cache_path(*files_.open(), parse_precision(precision));
  }
  TinyFolder files_;
};

constexpr int kTensors = 30;  // 3 layers of 9, embedding, norm, head

TEST_F(WeightCache, SecondLoadReadsNoWeights) {
  const Loaded direct = [&] {
    const auto tiny = tessera::test::load_tiny(*files_.open(), Engine::Fast, "accuracy");
    generate::Generator generator(*tiny.model, {.users = 1});
    const std::vector<std::int32_t> prompt{400, 17, 999};
    return Loaded{generator.prefill(prompt).to_vector(), 0};
  }();
  EXPECT_FALSE(fs::exists(cache_file()));
  const Loaded first = load();
  EXPECT_TRUE(fs::exists(cache_file()));
  EXPECT_EQ(first.reads, kTensors);
  const Loaded second = load();
  EXPECT_EQ(second.reads, 0);
  EXPECT_EQ(first.logits, direct.logits);
  EXPECT_EQ(second.logits, direct.logits);
}

TEST_F(WeightCache, WorksWhenTheWeightsThemselvesAreGone) {
  const Loaded first = load();
  // Same size, mtime and inode, so that it counts as the same file; but there is nothing in it any more.
  const fs::path weights = files_.path() / "model.safetensors";
  const auto time = fs::last_write_time(weights);
  const std::string text = read_text_file(weights);
  std::uint64_t header = 0;
  std::memcpy(&header, text.data(), 8);
  std::FILE* file = std::fopen(weights.c_str(), "r+b");
  ASSERT_NE(file, nullptr);
  std::fseek(file, static_cast<long>(8 + header), SEEK_SET);
  const std::string zeros(text.size() - 8 - header, '\0');
  std::fwrite(zeros.data(), 1, zeros.size(), file);
  std::fclose(file);
  fs::last_write_time(weights, time);
  EXPECT_EQ(load().logits, first.logits);
}

TEST_F(WeightCache, OneFileAPrecisionAndContent) {
  load("accuracy");
  load("bf16");
  EXPECT_NE(cache_file("accuracy"), cache_file("bf16"));
  EXPECT_TRUE(fs::exists(cache_file("bf16")));
  const auto old = cache_file();
  tessera::test::TinyOptions other;
  other.seed = 7;
  write_tiny_folder(files_.path(), other);
  EXPECT_NE(cache_file(), old);
  EXPECT_EQ(load().reads, kTensors);
  EXPECT_TRUE(fs::exists(old));
}

TEST_F(WeightCache, EqualContentInAnotherPlaceIsTheSameFile) {
  const auto here = cache_file();
  fs::create_directories(files_.root() / "copy");
  fs::copy(files_.path(), files_.root() / "copy");
  EXPECT_EQ(weight_cache_path(*models::open_checkpoint(files_.root() / "copy"), parse_precision("accuracy")),
            here);
}

TEST_F(WeightCache, DamagedFilesAreRebuilt) {
  const Loaded good = load();
  const std::string bytes = read_text_file(cache_file());
  const auto swapped = [&](std::string_view from, std::string_view to) {
    std::string text = bytes;
    text.replace(text.find(from), from.size(), to);
    return text;
  };
  const std::vector<std::string> damaged{
      "",
      "TESSERAW",
      bytes.substr(0, 15),
      bytes.substr(0, 200),
      bytes.substr(0, bytes.size() / 2),
      "X" + bytes.substr(1),
      bytes.substr(0, 8) + std::string(8, '\xFF') + bytes.substr(16),
      swapped("\"version\":", "\"edition\":"),
      swapped("\"tensors\"", "\"tensor_\""),
      swapped("layers.0.mlp.up_proj", "layers.9.mlp.up_proj"),
      swapped("[64, 128]", "[128, 64]"),
      std::string(bytes.size(), '\0'),
  };
  for (std::size_t i = 0; i < damaged.size(); ++i) {
    ASSERT_NE(damaged[i], bytes) << i;
    write_text_file(cache_file(), damaged[i]);
    const Loaded again = load();
    EXPECT_EQ(again.reads, kTensors) << i;
    EXPECT_EQ(again.logits, good.logits) << i;
    EXPECT_EQ(read_text_file(cache_file()), bytes) << i;
  }
}

TEST_F(WeightCache, UnwritableFolderIsSaidInOneLine) {
  const Loaded good = load();
  write_text_file(files_.root() / "file", "no folder");
  const io::test::ScopedEnvironment folder("TESSERA_WEIGHT_CACHE", files_.root() / "file" / "weights");
  testing::internal::CaptureStderr();
  const Loaded without = load();
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_EQ(without.reads, kTensors);
  EXPECT_EQ(without.logits, good.logits);
  EXPECT_EQ(std::ranges::count(text, '\n'), 1) << text;
  EXPECT_TRUE(text.starts_with("tessera: the weight cache is left out: ")) << text;
}

TEST_F(WeightCache, ProcessesAtOnce) {
  const std::vector<std::string> command{TESSERA_LOAD_ONCE, files_.path().string()};
  std::vector<int> codes(3, -1);
  {
    std::vector<std::jthread> waiting;
    for (int& code : codes) waiting.emplace_back([&] { code = io::run_program(command); });
  }
  EXPECT_EQ(codes, std::vector<int>(3, 0));
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(cache_file().parent_path())) {
    EXPECT_EQ(entry.path().extension(), ".tsw") << "left behind: " << entry.path();
    ++files;
  }
  EXPECT_EQ(files, 1u);
  EXPECT_EQ(load().reads, 0);
}

TEST_F(WeightCache, RefEngineNeverUsesIt) {
  const auto device = Device::open("cpu", Engine::Ref);
  load_model(*device, *files_.open(), {.precision = parse_precision("fp32")});
  EXPECT_FALSE(fs::exists(cache_file("fp32")));
}

TEST_F(WeightCache, MissingKeyIsAUserError) {
  load();
  const auto device = Device::open("cpu", Engine::Fast);
  const auto mapped = MappedSource::open(*device, cache_file());
  ASSERT_NE(mapped, nullptr);
  nn::WeightRequest request;
  request.key = "layers.7.mlp.up_proj";
  EXPECT_THROW(mapped->load(request), UserError);
  EXPECT_FALSE(mapped->holds({request}));
  EXPECT_EQ(MappedSource::open(*device, "/nowhere/cache.tsw"), nullptr);
}

}  // namespace
}  // namespace tessera::models
