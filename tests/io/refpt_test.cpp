#include "io/refpt.hpp"

#include <gtest/gtest.h>

#include <string>

#include "io/pickle.hpp"
#include "util/error.hpp"
#include "util/file.hpp"
#include "util/rng.hpp"

namespace tessera::io {
namespace {

std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

TEST(Refpt, ReadsWhatTorchSaved) {
  const ReferenceTokens reference = read_refpt(TESSERA_TEST_DATA "/io/tiny.refpt");
  ASSERT_EQ(reference.tokens.size(), 8u);
  ASSERT_EQ(reference.top5.size(), 8u);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(reference.tokens[static_cast<std::size_t>(i)], 100 + i);
  EXPECT_EQ(reference.top5[7], (std::array<std::int32_t, 5>{45, 2, 9, 16, 23}));  // 7 * (35 + i) % 50
}

TEST(Refpt, OldFilesHaveOneRowLessAndAnOffset) {
  const ReferenceTokens reference = read_refpt(TESSERA_TEST_DATA "/io/tiny_old.refpt");
  ASSERT_EQ(reference.top5.size(), 7u);
  EXPECT_EQ(reference.top5[0], (std::array<std::int32_t, 5>{35, 42, 49, 6, 13}));
}

TEST(Refpt, TruncatedAnywhere) {
  const std::string bytes = read_text_file(TESSERA_TEST_DATA "/io/tiny.refpt");
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    EXPECT_THROW(parse_refpt(as_bytes(bytes.substr(0, n)), "bad.refpt"), UserError) << n << " bytes";
  }
}

TEST(Refpt, DamageNeverCrashes) {
  const std::string bytes = read_text_file(TESSERA_TEST_DATA "/io/tiny.refpt");
  Rng rng(2);
  int refused = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string bad = bytes;
    for (std::uint64_t n = 1 + rng.below(4); n != 0; --n)
      bad[rng.below(bad.size())] = static_cast<char>(rng.next());
    try {
      parse_refpt(as_bytes(bad), "bad.refpt");
    } catch (const UserError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 1000);
}

TEST(Refpt, MissingKeyAndOtherFiles) {
  EXPECT_THROW(parse_refpt(as_bytes("not a zip at all, but longer than an end record"), "x"), UserError);
  EXPECT_THROW(read_refpt("/nowhere/x.refpt"), UserError);
  std::string renamed = read_text_file(TESSERA_TEST_DATA "/io/tiny.refpt");
  renamed.replace(renamed.find("top5_tokens"), 4, "best");
  try {
    parse_refpt(as_bytes(renamed), "x.refpt");
    FAIL();
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("'top5_tokens' is missing"), std::string::npos) << error.what();
  }
}

TEST(Refpt, TokensWithoutDimensionsAreRefused) {
  std::string bytes = read_text_file(TESSERA_TEST_DATA "/io/tiny.refpt");
  // Shape (1, 8) and strides (8, 1) become (), kept to the length by two notes of it under a number not in
  // use.
  const std::string nothing = ")q\xF0q\xF0";
  for (const std::string& tuple : {std::string("K\1K\10\x86"), std::string("K\10K\1\x86")}) {
    bytes.replace(bytes.find(tuple), tuple.size(), nothing);
  }
  try {
    parse_refpt(as_bytes(bytes), "x.refpt");
    FAIL();
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("1 tokens and 40 values of top five"), std::string::npos)
        << error.what();
  }
}

TEST(Pickle, RefusesWhatItDoesNotKnowAndDoesNotRecurse) {
  EXPECT_THROW(Pickle::parse(as_bytes("cos\nsystem\n(S'true'\ntR."), "x"), UserError);  // protocol 0 string
  EXPECT_THROW(Pickle::parse(as_bytes("."), "x"), UserError);
  EXPECT_THROW(Pickle::parse(as_bytes("t."), "x"), UserError);
  EXPECT_THROW(Pickle::parse(as_bytes("(."), "x"), UserError);
  EXPECT_THROW(Pickle::parse(as_bytes("h\x01."), "x"), UserError);
  EXPECT_NO_THROW(Pickle::parse(as_bytes("N" + std::string(1000000, '\x85') + "."), "x"));
}

}  // namespace
}  // namespace tessera::io
