// Bad GGUF files: always one UserError that says what is wrong, never a crash.
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "gguf_writer.hpp"
#include "io/gguf.hpp"
#include "io/gguf_checkpoint.hpp"
#include "models/registry.hpp"
#include "util/error.hpp"
#include "util/rng.hpp"

namespace tessera::io {
namespace {

using test::as_bytes;
using test::GgufWriter;
using test::tiny_llama;

/// Opens and reads everything; true when the file was taken. Any exception but UserError fails the test.
bool reads(const std::string& bytes) {
  try {
    const auto checkpoint = parse_gguf_checkpoint(as_bytes(bytes), "bad.gguf", models::family_formats());
    for (const CheckpointTensor& tensor : checkpoint->tensors()) {
      std::size_t values = 1;
      for (const std::int64_t size : tensor.shape) values *= static_cast<std::size_t>(size);
      std::vector<float> out(values);
      checkpoint->read(tensor.name, out);
    }
    checkpoint->tokenizer();
    return true;
  } catch (const UserError& error) {
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
    return false;
  }
}

TEST(GgufBad, TruncatedAnywhere) {
  const std::string bytes = tiny_llama().bytes();
  ASSERT_TRUE(reads(bytes));
  for (std::size_t n = 0; n < bytes.size(); ++n) EXPECT_FALSE(reads(bytes.substr(0, n))) << n << " bytes";
}

TEST(GgufBad, EveryFlippedBitOfTheHeader) {
  const std::string bytes = tiny_llama().bytes();
  const std::size_t header = bytes.size() - 2300;  // the tensors' data hold any bits
  int refused = 0;
  for (std::size_t i = 0; i < header * 8; ++i) {
    std::string bad = bytes;
    bad[i / 8] = static_cast<char>(bad[i / 8] ^ 1 << i % 8);
    refused += reads(bad) ? 0 : 1;
  }
  EXPECT_GT(refused, static_cast<int>(header));  // flips inside names and texts are legal
}

TEST(GgufBad, RandomDamage) {
  const std::string bytes = tiny_llama().bytes();
  Rng rng(1);
  for (int round = 0; round < 20000; ++round) {
    std::string bad = bytes;
    for (std::uint64_t n = 1 + rng.below(6); n != 0; --n)
      bad[rng.below(1600)] = static_cast<char>(rng.next());
    reads(bad);
  }
}

struct BadFile {
  const char* what;  // must stand in the error
  std::function<std::string()> make;
};

std::string with(const std::function<void(GgufWriter&)>& spoil) {
  GgufWriter w = tiny_llama();
  spoil(w);
  return w.bytes();
}

/// A header with any counts and no more.
std::string counts(std::uint32_t version, std::uint64_t tensors, std::uint64_t entries) {
  std::string bytes = "GGUF";
  GgufWriter::put(bytes, version);
  GgufWriter::put(bytes, tensors);
  GgufWriter::put(bytes, entries);
  return bytes + std::string(64, '\0');
}

std::string number(auto value) {
  std::string bytes;
  GgufWriter::put(bytes, value);
  return bytes;
}

TEST(GgufBad, EachFaultIsNamed) {
  const std::uint64_t huge = std::uint64_t{1} << 61;
  const std::vector<BadFile> files = {
      {"is not a GGUF file", [] { return std::string("PK\x03\x04 and more"); }},
      {"GGUF version 1", [] { return counts(1, 0, 0); }},
      {"GGUF version 50331648", [] { return counts(0x03000000, 0, 0); }},
      {"number of tensors is", [&] { return counts(3, huge, 0); }},
      {"number of metadata entries is", [&] { return counts(3, 0, huge); }},
      {"stands twice", [] { return with([](auto& w) { w.u32("llama.block_count", 2); }); }},
      {"has type 77", [] { return with([](auto& w) { w.raw("x", 77, ""); }); }},
      {"the length of a metadata array",
       [&] { return with([&](auto& w) { w.raw("x", 9, number(std::uint32_t{12}) + number(huge)); }); }},
      {"nests arrays too deep",
       [] {
         std::string nested;
         for (int i = 0; i < 6; ++i) nested += number(std::uint32_t{9}) + number(std::uint64_t{1});
         return with([&](auto& w) { w.raw("x", 9, nested); });
       }},
      {"general.alignment is 24", [] { return with([](auto& w) { w.u32("general.alignment", 24); }); }},
      {"general.alignment is 0", [] { return with([](auto& w) { w.u32("general.alignment", 0); }); }},
      {"is absurd", [] { return with([](auto& w) { w.tensor_info("t", {1ull << 40, 1ull << 40}, 0, 0); }); }},
      {"is absurd", [] { return with([](auto& w) { w.tensor_info("t", {0, 4}, 0, 0); }); }},
      {"it has 5 dimensions",
       [] { return with([](auto& w) { w.tensor_info("t", {1, 1, 1, 1, 1}, 0, 0); }); }},
      {"it has 0 dimensions", [] { return with([](auto& w) { w.tensor_info("t", {}, 0, 0); }); }},
      {"has type 20 (IQ4_NL)", [] { return with([](auto& w) { w.tensor_info("t", {32}, 20, 0); }); }},
      {"has type 999 (unknown)", [] { return with([](auto& w) { w.tensor_info("t", {32}, 999, 0); }); }},
      {"are not whole Q4_0 blocks", [] { return with([](auto& w) { w.tensor_info("t", {33}, 2, 0); }); }},
      {"is not a multiple of 32", [] { return with([](auto& w) { w.tensor_info("t", {1}, 0, 4); }); }},
      {"it overlaps tensor", [] { return with([](auto& w) { w.tensor_info("t", {1}, 0, 0); }); }},
      {"the file has", [] { return with([](auto& w) { w.tensor_info("t", {1}, 0, 1ull << 40); }); }},
      {"the file has", [] { return with([](auto& w) { w.tensor_info("t", {1}, 0, ~31ull); }); }},
      {"'output_norm.weight': stands twice",
       [] { return with([](auto& w) { w.floats_tensor("output_norm.weight", {1}, {1}); }); }},
      {"'model.norm.weight' stands twice",
       [] { return with([](auto& w) { w.floats_tensor("model.norm.weight", {1}, {1}); }); }},
      {"'llama.rope.scaling.type' is not a text",
       [] { return with([](auto& w) { w.u32("llama.rope.scaling.type", 1); }); }},
      {"rope_freqs.weight has 3 values",
       [] { return with([](auto& w) { w.floats_tensor("rope_freqs.weight", {3}, {1, 1, 1}); }); }},
      {"rope_freqs.weight holds 0",
       [] { return with([](auto& w) { w.floats_tensor("rope_freqs.weight", {2}, {1, 0}); }); }},
      {"scores has 1 entries for 4 tokens",
       [] { return with([](auto& w) { w.floats("tokenizer.ggml.scores", {1}); }); }},
      {"bos_token_id is 4 of 4 tokens",
       [] { return with([](auto& w) { w.u32("tokenizer.ggml.bos_token_id", 4); }); }},
      {"'llama.attention.key_length' is -1",
       [] {
         return with([](auto& w) { w.raw("llama.attention.key_length", 5, number(std::int32_t{-1})); });
       }},
      {"'llama.rope.scaling.factor' is nan",
       [] { return with([](auto& w) { w.f32("llama.rope.scaling.factor", std::stof("nan")); }); }},
      {"'llama.rope.dimension_count' is 4",
       [] { return with([](auto& w) { w.u32("llama.attention.key_length", 2); }); }},
      {"'llama.attention.value_length' is 8",
       [] { return with([](auto& w) { w.u32("llama.attention.value_length", 8); }); }},
  };
  for (const BadFile& file : files) {
    try {
      const std::string bytes = file.make();
      parse_gguf_checkpoint(as_bytes(bytes), "bad.gguf", models::family_formats())->tokenizer();
      ADD_FAILURE() << "taken: " << file.what;
    } catch (const UserError& error) {
      const std::string text = error.what();
      EXPECT_NE(text.find(file.what), std::string::npos) << text;
      EXPECT_NE(text.find("bad.gguf"), std::string::npos) << text;
    }
  }
}

TEST(GgufBad, TouchingTensorsDoNotOverlap) {
  GgufWriter w;
  w.text("general.architecture", "other");
  w.floats_tensor("a", {8}, std::vector<float>(8, 1.0f));  // exactly one alignment unit
  w.floats_tensor("b", {8}, std::vector<float>(8, 2.0f));
  EXPECT_NO_THROW(Gguf::parse(as_bytes(w.bytes()), "ok.gguf"));
}

TEST(GgufBad, Version2IsRead) {
  GgufWriter w(2);
  w.text("general.architecture", "other");
  const std::string bytes = w.bytes();
  EXPECT_EQ(Gguf::parse(as_bytes(bytes), "v2.gguf").text("general.architecture"), "other");
}

}  // namespace
}  // namespace tessera::io
