#include "metrics/similarity.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace tessera::metrics {
namespace {

using Ids = std::vector<std::int32_t>;

Ids counting(int n) {
  Ids ids(static_cast<std::size_t>(n));
  std::iota(ids.begin(), ids.end(), 0);
  return ids;
}

TEST(TextSimilarity, IsLevenshteinByTheLongerText) {
  EXPECT_DOUBLE_EQ(text_similarity("kitten", "sitting"), 1.0 - 3.0 / 7.0);
  EXPECT_DOUBLE_EQ(text_similarity("flaw", "lawn"), 0.5);
  EXPECT_DOUBLE_EQ(text_similarity("", ""), 1);
  EXPECT_DOUBLE_EQ(text_similarity("abc", ""), 0);
  EXPECT_DOUBLE_EQ(text_similarity("same", "same"), 1);
}

TEST(TextSimilarity, IsBoundedOnLongTexts) {
  const std::string a(1'000'000, 'a'), b(1'000'000, 'b');
  EXPECT_DOUBLE_EQ(text_similarity(a, a), 1);
  EXPECT_DOUBLE_EQ(text_similarity(a, b), 0);
}

TEST(FirstDivergence, CountsFromZeroAndSeesAShorterList) {
  EXPECT_EQ(first_divergence(Ids{1, 2, 3}, Ids{1, 2, 3}), -1);
  EXPECT_EQ(first_divergence(Ids{1, 2, 3}, Ids{1, 9, 3}), 1);
  EXPECT_EQ(first_divergence(Ids{1, 2, 3}, Ids{1, 2}), 2);
  EXPECT_EQ(first_divergence({}, Ids{1}), 0);
  EXPECT_EQ(first_divergence({}, {}), -1);
}

TEST(TextDefect, AcceptsText) {
  EXPECT_EQ(text_defect("The quick brown fox\njumps over\tthe lazy dog.", counting(30)).text, "");
  EXPECT_EQ(text_defect("\u00E9t\u00E9 \u4F60\u597D \U0001F600", counting(30)).text, "");
  // A short answer may repeat itself: "ha ha ha".
  EXPECT_EQ(text_defect("ha ha ha", Ids{5, 5, 5}).text, "");
}

TEST(TextDefect, NamesWhatIsWrong) {
  EXPECT_EQ(text_defect("", {}).text, "nothing was printed");
  EXPECT_EQ(text_defect("", {}).kind, Defect::Nothing);
  EXPECT_EQ(text_defect(" \n ", Ids{1, 2}).text, "nothing was printed");
  EXPECT_EQ(text_defect("a\x01\x02\x03", counting(4)).text, "3 of 4 bytes are not printable");
  EXPECT_NE(text_defect("ab\xEF\xBF\xBD\xEF\xBF\xBD", counting(4)).text, "");
}

TEST(TextDefect, SeesLoops) {
  EXPECT_NE(text_defect("the the the", Ids(40, 7)).text, "");
  EXPECT_EQ(text_defect("the the the", Ids(40, 7)).kind, Defect::Repetition);
  Ids phrase;
  for (int i = 0; i < 40; ++i) phrase.push_back(100 + i % 3);
  EXPECT_NE(text_defect("one two three", phrase).text, "");
  // A good beginning does not save a second half that loops.
  Ids late = counting(60);
  for (int i = 0; i < 60; ++i) late.push_back(100 + i % 3);
  EXPECT_EQ(text_defect("one two three", late).text, "3 tokens repeat over and over");
  late.resize(80);
  EXPECT_EQ(text_defect("one two three", late).text, "");
  // No fixed period, yet one token is most of the text.
  Ids mostly;
  for (int i = 0; i < 60; ++i) mostly.push_back(i * i % 5 < 4 && i % 7 != 3 ? 9 : i);
  EXPECT_NE(text_defect("no no yes no", mostly).text, "");
}

}  // namespace
}  // namespace tessera::metrics
