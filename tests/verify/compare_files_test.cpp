#include "verify/compare_files.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <limits>

#include "tensor/npy.hpp"
#include "util/error.hpp"
#include "verify/compare_goldens.hpp"
#include "verify/make_golden.hpp"

namespace tessera::verify {
namespace {

using testing::Test;

// Three forced tokens, best two of each; one greedy text of three.
io::Golden small_golden() {
  io::Golden golden;
  golden.prompts = {"p"};
  golden.forced.ids = {5, 6, 7};
  golden.forced.topk = {2, {6, 1, 7, 2, 8, 3}, {9.0f, 1.0f, 8.0f, 7.9999f, 6.0f, 2.0f}};
  golden.forced.logsumexp = {9.0f, 8.7f, 6.1f};
  golden.hidden.ids = {5, 6};
  golden.hidden.hidden_size = 2;
  golden.hidden.layers = {{1, 2, 3, 4}, {2, 1, 4, 3}};
  golden.hidden.final_norm = {1, -1, 2, -2};
  golden.hidden.topk = {1, {6, 7}, {9.0f, 8.0f}};
  golden.greedy = {{{5}, {6, 7, 8}, {8.0f, 0.0001f, 4.0f}}};
  return golden;
}

const TokenComparison& tokens(const FileComparison& c, const std::string& name) {
  for (const auto& t : c.tokens) {
    if (t.name == name) return t;
  }
  throw std::runtime_error("no " + name);
}

TEST(CompareGoldens, EqualFiles) {
  const FileComparison c = compare_goldens(small_golden(), small_golden());
  EXPECT_TRUE(c.equal());
  EXPECT_TRUE(c.passes(1.0));
  EXPECT_EQ(c.tensors.size(), 6u);
  EXPECT_EQ(tokens(c, "forced.top1").same, 3);
}

TEST(CompareGoldens, ATokenThatDiffersIsExplainedByItsMarginOrNot) {
  const io::Golden a = small_golden();
  io::Golden b = a;
  std::swap(b.forced.topk.ids[2], b.forced.topk.ids[3]);  // row 1, whose margin is 1e-4
  b.greedy[0].ids[1] = 9;
  b.greedy[0].ids[2] = 9;  // behind the first difference nothing counts
  FileComparison c = compare_goldens(a, b);
  EXPECT_FALSE(c.equal());
  EXPECT_TRUE(c.passes(0.999));
  EXPECT_EQ(tokens(c, "forced.top1").first_difference, 1);
  EXPECT_EQ(tokens(c, "greedy.0").same, 1);

  b.forced.topk.ids[4] = 4;  // row 2, margin 4
  c = compare_goldens(a, b);
  EXPECT_EQ(tokens(c, "forced.top1").unexplained, 1);
  EXPECT_FALSE(c.passes(0.5));
}

TEST(CompareGoldens, AHiddenStateThatDiffersFails) {
  const io::Golden a = small_golden();
  io::Golden b = a;
  b.hidden.layers[1] = {1, 2, 3, 4};
  const FileComparison c = compare_goldens(a, b);
  EXPECT_EQ(c.worst()->name, "hidden.1");
  EXPECT_FALSE(c.passes(0.999));
}

TEST(CompareGoldens, ListsAreComparedAsFarAsBothGo) {
  const io::Golden a = small_golden();
  io::Golden b = a;
  b.forced.ids = {5, 6};
  b.forced.topk = {1, {6, 7}, {9.0f, 8.0f}};
  b.forced.logsumexp = {9.0f, 8.7f};
  b.greedy.clear();
  const FileComparison c = compare_goldens(a, b);
  EXPECT_TRUE(c.equal());
  EXPECT_EQ(tokens(c, "forced.top1").tokens, 2);
}

TEST(CompareGoldens, RefusesOtherTexts) {
  const auto refused = [](const std::function<void(io::Golden&)>& change) {
    io::Golden b = small_golden();
    change(b);
    EXPECT_THROW(compare_goldens(small_golden(), b), UserError);
  };
  refused([](auto& g) { g.forced.ids[1] = 9; });
  refused([](auto& g) { g.greedy[0].prompt_ids = {1, 2}; });
  refused([](auto& g) { g.hidden.layers.pop_back(); });
  refused([](auto& g) { g.forced.topk = {}; });
  refused([](auto& g) { g = {}; });
}

TEST(CompareGoldens, AgainstReferenceTokens) {
  io::ReferenceTokens reference;
  reference.tokens = {5, 6, 7};
  reference.top5 = {{6, 1, 2, 3, 4}, {1, 2, 3, 4, 7}};
  const FileComparison c = compare_golden_refpt(small_golden(), reference);
  ASSERT_EQ(c.tokens.size(), 1u);
  EXPECT_EQ(c.tokens[0].tokens, 2);
  EXPECT_EQ(c.tokens[0].same, 1);
  EXPECT_EQ(c.tokens[0].in_top5, 2);
  EXPECT_EQ(c.worst(), nullptr);
  EXPECT_TRUE(c.passes(0.999));
  reference.top5[1] = {1, 2, 3, 4, 5};
  EXPECT_FALSE(compare_golden_refpt(small_golden(), reference).passes(0.999));
  reference.tokens[0] = 4;
  EXPECT_THROW(compare_golden_refpt(small_golden(), reference), UserError);
}

class CompareFiles : public Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(testing::TempDir()) /
              ("compare_" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::filesystem::path npy(const char* name, const Shape& shape, const std::vector<float>& values) {
    write_npy(folder_ / name, HostTensor::from_vector(values, {shape, DataType::FLOAT32, Layout::ROW_MAJOR}));
    return folder_ / name;
  }
  std::filesystem::path folder_;
};

TEST_F(CompareFiles, TheKindIsInTheContents) {
  const auto tensor = npy("a.dat", Shape{2}, {1, 2});
  EXPECT_TRUE(compare_files(tensor, tensor).equal());
  const auto golden = folder_ / "g.npy";
  io::write_golden(golden, small_golden());
  EXPECT_TRUE(compare_files(golden, golden).equal());
  EXPECT_THROW(compare_files(tensor, golden), UserError);
  EXPECT_THROW(compare_files(tensor, folder_ / "missing"), UserError);
  EXPECT_THROW(compare_files(tensor, folder_), UserError);
}

TEST_F(CompareFiles, FiguresOfTwoTensors) {
  const auto a = npy("a.npy", Shape{2, 2}, {1, 2, 3, 4});
  const auto b = npy("b.npy", Shape{2, 2}, {1, 2, 3, 4.5f});
  const FileComparison c = compare_files(a, b);
  ASSERT_EQ(c.tensors.size(), 1u);
  EXPECT_EQ(c.tensors[0].figures.max_abs, 0.5);
  EXPECT_EQ(c.tensors[0].ulp_max, 1 << 20);
  EXPECT_EQ(c.tensors[0].shape, (std::vector<std::int64_t>{2, 2}));
  EXPECT_THROW(compare_files(a, npy("c.npy", Shape{4}, {1, 2, 3, 4})), UserError);
}

// PCC alone is 1 in the first two and never below a threshold of 0 in the third.
TEST_F(CompareFiles, ScaleShiftAndNanDiffer) {
  const auto a = npy("a.npy", Shape{4}, {1, 2, 3, 4});
  EXPECT_FALSE(compare_files(a, npy("twice.npy", Shape{4}, {2, 4, 6, 8})).passes(0.999));
  EXPECT_FALSE(compare_files(a, npy("shifted.npy", Shape{4}, {101, 102, 103, 104})).passes(0.999));
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(compare_files(a, npy("nan.npy", Shape{4}, {nan, nan, nan, nan})).passes(0));
  EXPECT_TRUE(compare_files(a, npy("near.npy", Shape{4}, {1, 2, 3, 4.01f})).passes(0.999));
}

TEST(GoldenFileName, OfAnyModel) {
  EXPECT_EQ(golden_file_name("smollm2-135m"), "smollm2-135m.golden.safetensors");
  EXPECT_EQ(golden_file_name("Org/Model-1.5B"), "Org--Model-1.5B.golden.safetensors");
  EXPECT_EQ(golden_file_name(TESSERA_TEST_DATA "/golden/"), "golden.golden.safetensors");
}

}  // namespace
}  // namespace tessera::verify
