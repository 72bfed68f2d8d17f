#include "util/utf8.hpp"

#include <gtest/gtest.h>

namespace tessera {
namespace {

TEST(Utf8, MeasuresWellFormedCharacters) {
  EXPECT_EQ(character_bytes("a"), 1u);
  EXPECT_EQ(character_bytes("\u00E9x"), 2u);
  EXPECT_EQ(character_bytes("\uFFFF"), 3u);
  EXPECT_EQ(character_bytes("\U0010FFFF"), 4u);
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8("\u20AC\uD7FF\uE000\U00010000"));
}

TEST(Utf8, RefusesWhatTheStandardRefuses) {
  for (const char* text : {"\x80", "\xC3", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF",
                           "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xE2\x82", "\xE2\x28\xA1", "\xFF"}) {
    EXPECT_EQ(character_bytes(text), 0u);
    EXPECT_FALSE(is_utf8(std::string_view("ok").data() + std::string(text)));
  }
}

}  // namespace
}  // namespace tessera
