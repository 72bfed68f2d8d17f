#include "util/printable.hpp"

#include <gtest/gtest.h>

namespace tessera::test {
namespace {

TEST(Printable, IsShortAscii) {
  EXPECT_EQ(printable("blk.0.attn_q.weight"), "blk.0.attn_q.weight");
  EXPECT_EQ(printable("a\x1b[2J\xC3\xA9\x07\n"), "a?[2J????");
  EXPECT_EQ(printable(std::string(2000, 'x')), std::string(80, 'x') + "...");
}

TEST(OneLine, KeepsTextAndNothingThatATerminalObeys) {
  EXPECT_EQ(one_line("R\u00F4les must\n\talternate \u4F60\u597D"), "R\u00F4les must  alternate \u4F60\u597D");
  EXPECT_EQ(one_line("\x1b]0;title\x07\x7f\u009B2J\u0085"), "?]0;title????2J??");
  EXPECT_EQ(one_line("\xC2"), "\xC2");
}

TEST(OneLine, IsCutBetweenCharacters) {
  EXPECT_EQ(one_line("abc", 3), "abc");
  EXPECT_EQ(one_line("abcd", 3), "abc...");
  EXPECT_EQ(one_line("a\u4F60b", 3), "a...");
  EXPECT_EQ(one_line("\u4F60", 1), "...");
}

}  // namespace
}  // namespace tessera::test
