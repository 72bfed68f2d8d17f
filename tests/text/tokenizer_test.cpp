#include "text/tokenizer.hpp"

#include <gtest/gtest.h>

#include "text_data.hpp"

namespace tessera::text::test {
namespace {

using Ids = std::vector<int>;

void expect_ids_of_hugging_face(const Tokenizer& tokenizer, const std::string& name) {
  const auto lines = test_lines();
  const std::vector<Ids> expected = nlohmann::json::parse(read_data(name + ".ids.json"));
  ASSERT_EQ(lines.size(), expected.size());
  ASSERT_GT(lines.size(), 300u);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    EXPECT_EQ(tokenizer.encode(lines[i]), expected[i]) << "line " << i << ": " << lines[i];
  }
}

TEST(Tokenizer, ByteBpeFromJsonGivesHuggingFacesIds) {
  expect_ids_of_hugging_face(from_json(read_data("byte_bpe.tokenizer.json")), "byte_bpe");
}

TEST(Tokenizer, ByteBpeFromVocabularyGivesHuggingFacesIds) {
  expect_ids_of_hugging_face(test_tokenizer("byte_bpe"), "byte_bpe");
}

TEST(Tokenizer, PiecesFromJsonGiveHuggingFacesIds) {
  expect_ids_of_hugging_face(from_json(read_data("pieces.tokenizer.json")), "pieces");
}

TEST(Tokenizer, PiecesFromVocabularyGiveHuggingFacesIds) {
  expect_ids_of_hugging_face(test_tokenizer("pieces"), "pieces");
}

TEST(Tokenizer, ByteBpeDecodesToTheSameText) {
  const Tokenizer tokenizer = test_tokenizer("byte_bpe");
  for (const auto& line : test_lines()) EXPECT_EQ(tokenizer.decode(tokenizer.encode(line), false), line);
}

TEST(Tokenizer, SpecialTokensAreAddedAndSkippedOnRequest) {
  const Tokenizer tokenizer = test_tokenizer("pieces");
  const Ids plain = tokenizer.encode("tile", false);
  Ids with_bos = plain;
  with_bos.insert(with_bos.begin(), 1);
  EXPECT_EQ(tokenizer.encode("tile"), with_bos);
  EXPECT_EQ(tokenizer.decode(with_bos), "tile");
  EXPECT_EQ(tokenizer.decode(with_bos, false), "<s> tile");
}

TEST(Tokenizer, ControlTokensInTheTextAreOneToken) {
  const Tokenizer tokenizer = test_tokenizer("byte_bpe");
  EXPECT_EQ(tokenizer.encode("<|im_start|><tool>"), (Ids{1, tokenizer.token_id("<tool>")}));
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("a<|im_end|><tool>b")),
            "a<tool>b");  // user-defined stays visible
}

TEST(Tokenizer, KnowsItsVocabulary) {
  const Tokenizer tokenizer = test_tokenizer("byte_bpe");
  EXPECT_EQ(tokenizer.vocab_size(), static_cast<int>(test_vocab("byte_bpe").tokens.size()));
  EXPECT_EQ(tokenizer.token_id("<|im_end|>"), 2);
  EXPECT_EQ(tokenizer.token_id("no such token"), -1);
  EXPECT_FALSE(tokenizer.is_byte_token(2));
  EXPECT_TRUE(test_tokenizer("pieces").is_byte_token(3 + 0x0A));
}

TEST(Tokenizer, IdsOutsideTheVocabularyHaveNoText) {
  EXPECT_EQ(test_tokenizer("byte_bpe").decode(Ids{-1, 1'000'000, test_tokenizer("byte_bpe").token_id("a")}),
            "a");
}

TEST(Tokenizer, TruncationAndPaddingOfTheFileAreOff) {
  auto json = nlohmann::json::parse(read_data("byte_bpe.tokenizer.json"));
  json["truncation"] = {
      {"direction", "Right"}, {"max_length", 2}, {"strategy", "LongestFirst"}, {"stride", 0}};
  EXPECT_EQ(from_json(json.dump()).encode("a b c d e").size(), 5u);
}

TEST(Tokenizer, RefusesTextThatIsNotUtf8) {
  const Tokenizer tokenizer = test_tokenizer("byte_bpe");
  EXPECT_EQ(user_error([&] { tokenizer.encode("ab\xFF"); }),
            "tokenizer: the text is not UTF-8: byte 2 of 3: give UTF-8 text that this tokenizer can encode");
}

TEST(Tokenizer, RefusesAMalformedFile) {
  EXPECT_NE(user_error([] { from_json("{\"model\": "); }).find("tokenizer.json: "), std::string::npos);
  EXPECT_NE(user_error([] { from_json("{}"); }), "");
  EXPECT_NE(user_error([] { from_json(read_data("byte_bpe.tokenizer.json").substr(0, 20'000)); }), "");
  EXPECT_EQ(user_error([] { from_json(""); }), "tokenizer: the checkpoint has none: add its tokenizer.json");
}

}  // namespace
}  // namespace tessera::text::test
