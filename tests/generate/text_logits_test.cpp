#include "generate/text_logits.hpp"

#include "generate_fixture.hpp"
#include "io/temp_folder.hpp"
#include "tensor/npy.hpp"
#include "util/error.hpp"

namespace tessera::generate::test {
namespace {

TEST(TextLogits, AreThoseOfThePrefill) {
  const tessera::test::TinyFolder files;
  const io::test::TempFolder folder;
  ModelChoice choice;
  choice.model = files.path().string();
  const TextLogitsOptions options{.text = "The quick brown fox", .tokens = 5, .out = folder.path() / "y.npy"};
  const std::vector<std::int32_t> ids = write_text_logits(choice, options);
  ASSERT_EQ(ids.size(), 5u);
  const HostTensor written = read_npy(options.out);
  const auto tiny = tessera::test::load_tiny(*files.open(), Engine::Fast, "accuracy", DataType::BFLOAT16);
  Generator generator(*tiny.model, {.users = 1});
  const std::vector<float> all = written.to_vector(), last = generator.prefill(ids, 0).to_vector();
  ASSERT_EQ(written.spec().logical_shape, (Shape{5, tiny.model->config.vocab_size}));
  EXPECT_TRUE(std::equal(last.begin(), last.end(), all.end() - std::ssize(last)));
  EXPECT_THROW(write_text_logits(choice, {.text = "", .out = options.out}), UserError);
  EXPECT_THROW(write_text_logits(choice, {.text = "x", .out = folder.path() / "no" / "y.npy"}), UserError);
}

}  // namespace
}  // namespace tessera::generate::test
