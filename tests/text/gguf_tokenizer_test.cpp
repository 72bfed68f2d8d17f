#include "text/gguf_tokenizer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "text/piece_merges.hpp"
#include "text_data.hpp"

namespace tessera::text::test {
namespace {

/// Digits that merge into one token, unless the pre-tokenizer splits them; "é" precomposed.
io::GgufVocab digit_vocab(const std::string& pre) {
  io::GgufVocab vocab;
  vocab.model = "gpt2";
  vocab.pre = pre;
  vocab.tokens = {"1", "2", "3", "4", "12", "123", "1234", "Ã", "©", "Ã©", "e", "Ì", "ģ"};
  vocab.merges = {"1 2", "12 3", "123 4", "Ã ©"};
  return vocab;
}

using Ids = std::vector<int>;

Ids digit_ids(const std::string& pre) {
  return from_vocab(digit_vocab(pre)).encode("1234");
}

TEST(GgufTokenizer, SplitsNumbersAsThePreTokenizerSays) {
  for (const char* pre : {"", "default", "gpt-2"}) EXPECT_EQ(digit_ids(pre), (Ids{6})) << pre;
  for (const char* pre : {"llama-bpe", "llama3", "llama-v3", "smaug-bpe"})
    EXPECT_EQ(digit_ids(pre), (Ids{5, 3})) << pre;
  for (const char* pre : {"smollm", "starcoder", "refact", "command-r", "qwen2", "deepseek-r1-qwen"}) {
    EXPECT_EQ(digit_ids(pre), (Ids{0, 1, 2, 3})) << pre;
  }
}

TEST(GgufTokenizer, ComposesCharactersWhereTheModelDoes) {
  const std::string decomposed = "e\u0301";
  EXPECT_EQ(from_vocab(digit_vocab("qwen2")).encode(decomposed), (Ids{9}));
  EXPECT_EQ(from_vocab(digit_vocab("llama-bpe")).encode(decomposed), (Ids{10, 11, 12}));
}

TEST(GgufTokenizer, AddsBosWhenTheFileSaysSo) {
  auto vocab = test_vocab("byte_bpe");
  vocab.add_bos_token = true;
  EXPECT_EQ(from_vocab(vocab).encode("").front(), vocab.bos_token_id);
  EXPECT_TRUE(from_vocab(vocab).encode("", false).empty());
}

TEST(GgufTokenizer, AddsBosAsLlamaCppDoesWhenTheFileIsSilent) {
  const auto first_id = [](io::GgufVocab vocab) {
    vocab.bos_token_id = 10;
    vocab.add_bos_token = std::nullopt;
    return from_vocab(vocab).encode("1").front();
  };
  for (const char* pre : {"llama-bpe", "llama3", "llama-v3"})
    EXPECT_EQ(first_id(digit_vocab(pre)), 10) << pre;
  for (const char* pre : {"smaug-bpe", "qwen2", "smollm", ""})
    EXPECT_EQ(first_id(digit_vocab(pre)), 0) << pre;
  EXPECT_EQ(first_id(test_vocab("pieces")), 10);
  auto vocab = digit_vocab("llama-bpe");
  vocab.bos_token_id = 10;
  vocab.add_bos_token = false;
  EXPECT_EQ(from_vocab(vocab).encode("1"), (Ids{0}));
}

TEST(GgufTokenizer, SpacePrefixIsTheFilesChoice) {
  auto vocab = test_vocab("pieces");
  vocab.add_space_prefix = false;
  const Tokenizer tokenizer = from_vocab(vocab);
  EXPECT_EQ(tokenizer.encode("The", false).front(), tokenizer.token_id("T"));
  EXPECT_EQ(tokenizer.decode(tokenizer.encode(" The")), " The");
}

TEST(GgufTokenizer, NamesWhatItDoesNotKnow) {
  EXPECT_NE(
      user_error([] { digit_ids("klingon"); }).find("pre-tokenizer 'klingon' is not one of default gpt-2"),
      std::string::npos);
  auto vocab = digit_vocab("gpt-2");
  vocab.model = "rwkv";
  EXPECT_EQ(user_error([&] { from_vocab(vocab); }),
            "GGUF tokenizer: model 'rwkv' is not one of gpt2 llama: use the model's Hugging Face folder");
}

TEST(GgufTokenizer, ErrorsAreNotTheFilesToWrite) {
  const std::string evil = "\x1b]0;title\x07" + std::string(2000, 'x');
  auto model = digit_vocab("gpt-2");
  model.model = evil;
  auto twice = digit_vocab("gpt-2");
  twice.tokens[0] = twice.tokens[1] = evil;
  auto merges = digit_vocab("gpt-2");
  merges.merges[0] = evil + " " + evil;
  for (const std::string& error :
       {user_error([&] { digit_ids(evil); }), user_error([&] { from_vocab(model); }),
        user_error([&] { from_vocab(twice); }), user_error([&] { from_vocab(merges); }),
        user_error([&] { ChatTemplate("{{ raise_exception('" + evil + "') }}", "", "").render({}); })}) {
    EXPECT_FALSE(error.empty());
    EXPECT_LT(error.size(), 700u) << error;
    EXPECT_TRUE(std::ranges::none_of(error, [](unsigned char c) { return c < 0x20 || c == 0x7F; })) << error;
  }
}

template <class Change>
std::string refusal(const char* name, Change&& change) {
  auto vocab = test_vocab(name);
  change(vocab);
  return user_error([&] { from_vocab(vocab); });
}

TEST(GgufTokenizer, RefusesDamagedVocabularies) {
  EXPECT_EQ(refusal("byte_bpe", [](auto& vocab) { vocab.tokens.clear(); }),
            "GGUF tokenizer: 0 tokens: get the file again");
  EXPECT_EQ(refusal("byte_bpe", [](auto& vocab) { vocab.tokens[7] = vocab.tokens[5]; }),
            "GGUF tokenizer: tokens 5 and 7 are both '" + test_vocab("byte_bpe").tokens[5] +
                "': get the file again");
  EXPECT_EQ(refusal("byte_bpe", [](auto& vocab) { vocab.tokens[9] = "\xC3("; }),
            "GGUF tokenizer: token 9 is not UTF-8: get the file again");
  EXPECT_NE(refusal("byte_bpe", [](auto& vocab) { vocab.tokens[9].assign(5000, 'x'); })
                .find("token 9 has 5000 bytes"),
            std::string::npos);
  EXPECT_NE(refusal("byte_bpe", [](auto& vocab) { vocab.merges[0] = "no such merge"; }), "");
  EXPECT_NE(refusal("byte_bpe", [](auto& vocab) { vocab.merges[0] = "Qq qQ"; }), "");
  EXPECT_NE(refusal("pieces", [](auto& vocab) { vocab.scores.pop_back(); }).find("scores for"),
            std::string::npos);
  EXPECT_NE(refusal("pieces", [](auto& vocab) { vocab.scores[300] = std::nanf(""); })
                .find("score nan of token 300"),
            std::string::npos);
  EXPECT_NE(refusal("pieces", [](auto& vocab) { vocab.bos_token_id = 1 << 20; }).find("BOS token 1048576"),
            std::string::npos);
}

TEST(PieceMerges, RanksByScoreThenByTheLongerLeftPart) {
  io::GgufVocab vocab;
  vocab.tokens = {"a", "b", "ab", "ba", "aba", "<0x41>", "\u2581", "\u2581a"};
  vocab.token_types = {1, 1, 1, 1, 1, 6, 1, 1};
  vocab.scores = {-5, -6, -2, -1, -3, 0, -7, -1};
  std::string ranked;
  for (const auto& merge : piece_merges(vocab)) ranked += merge.left + "+" + merge.right + " ";
  EXPECT_EQ(ranked, "b+a \u2581+a a+b ab+a a+ba ");
}

}  // namespace
}  // namespace tessera::text::test
