#include <gtest/gtest.h>

#include "text_data.hpp"
#include "util/utf8.hpp"

namespace tessera::text::test {
namespace {

using Ids = std::vector<int>;

std::vector<std::string> pushes(const Tokenizer& tokenizer, const Ids& ids) {
  StreamDecoder decoder(tokenizer);
  std::vector<std::string> parts;
  for (const int id : ids) parts.push_back(decoder.push(id));
  parts.push_back(decoder.finish());
  return parts;
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const auto& part : parts) text += part;
  return text;
}

TEST(StreamDecoder, GivesTheSameTextInWholeCharacters) {
  for (const char* name : {"byte_bpe", "pieces"}) {
    const Tokenizer tokenizer = test_tokenizer(name);
    for (const auto& line : test_lines()) {
      const Ids ids = tokenizer.encode(line);
      const auto parts = pushes(tokenizer, ids);
      EXPECT_EQ(joined(parts), tokenizer.decode(ids)) << name << ": " << line;
      for (const auto& part : parts) EXPECT_TRUE(is_utf8(part)) << name << ": " << line;
    }
  }
}

TEST(StreamDecoder, HoldsACharacterBackUntilItIsComplete) {
  const Tokenizer tokenizer = test_tokenizer("byte_bpe");
  const Ids ids = tokenizer.encode("\U00020BB7");  // four bytes, not in the vocabulary: a token each
  ASSERT_EQ(ids.size(), 4u);
  EXPECT_EQ(pushes(tokenizer, ids), (std::vector<std::string>{"", "", "", "\U00020BB7", ""}));
}

TEST(StreamDecoder, BytesThatNeverCompleteComeOutAsReplacement) {
  const Tokenizer tokenizer = test_tokenizer("byte_bpe");
  const int lead = tokenizer.encode("\U00020BB7").front();
  const int letter = tokenizer.token_id("a");
  EXPECT_EQ(pushes(tokenizer, {lead, letter}), (std::vector<std::string>{"",
                                                                         "\uFFFD"
                                                                         "a",
                                                                         ""}));
  EXPECT_EQ(pushes(tokenizer, {letter, lead}), (std::vector<std::string>{"a", "", "\uFFFD"}));
  // An endless stream of them is not held back for ever.
  EXPECT_EQ(pushes(tokenizer, {lead, lead, lead}),
            (std::vector<std::string>{"", "\uFFFD", "\uFFFD", "\uFFFD"}));
}

TEST(StreamDecoder, ByteTokensAreHeldUntilTheRunEnds) {
  const Tokenizer tokenizer = test_tokenizer("pieces");
  const Ids run = {3 + 0xE4, 3 + 0xBD, 3 + 0xA0};  // U+4F60
  const int letter = tokenizer.token_id("a");
  Ids ids = run;
  ids.push_back(letter);
  EXPECT_EQ(pushes(tokenizer, ids), (std::vector<std::string>{"", "", "",
                                                              "\u4F60"
                                                              "a",
                                                              ""}));
  ids.insert(ids.begin() + 3, 3 + 0x80);  // Hugging Face's decoder then gives up the whole run
  EXPECT_EQ(joined(pushes(tokenizer, ids)), tokenizer.decode(ids));
  EXPECT_EQ(joined(pushes(tokenizer, ids)),
            "\uFFFD\uFFFD\uFFFD\uFFFD"
            "a");
}

TEST(StreamDecoder, SpecialTokensInBetweenChangeNothing) {
  const Tokenizer tokenizer = test_tokenizer("pieces");
  const Ids words = tokenizer.encode("The mosaic is", false);
  Ids ids;
  for (const int id : words) ids.insert(ids.end(), {1, id, 2, 2});
  EXPECT_EQ(joined(pushes(tokenizer, ids)), "The mosaic is");
  EXPECT_EQ(joined(pushes(tokenizer, {3 + 0xE4, 2, 3 + 0xBD, 2, 3 + 0xA0})), "\u4F60");
}

TEST(StreamDecoder, KeepsSpacesBetweenWords) {
  const Tokenizer tokenizer = test_tokenizer("pieces");
  const int blank = tokenizer.token_id("\u2581");
  const Ids ids = {blank, blank, tokenizer.token_id("\u2581The"), blank, blank};
  EXPECT_EQ(joined(pushes(tokenizer, ids)), tokenizer.decode(ids));
}

TEST(StreamDecoder, StartsAgainAfterFinish) {
  const Tokenizer tokenizer = test_tokenizer("byte_bpe");
  StreamDecoder decoder(tokenizer);
  decoder.push(tokenizer.token_id("a"));
  decoder.finish();
  EXPECT_EQ(decoder.push(tokenizer.token_id("b")), "b");
  EXPECT_EQ(decoder.finish(), "");
}

}  // namespace
}  // namespace tessera::text::test
