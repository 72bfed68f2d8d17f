#include "io/safetensors.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "temp_folder.hpp"
#include "util/error.hpp"
#include "util/rng.hpp"

namespace tessera::io {
namespace {

std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string with_header(std::string_view header, std::size_t data) {
  const std::uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), 8) + std::string(header) +
         std::string(data, '\0');
}

// scripts/make_io_fixtures.py wrote it with the safetensors package.
TEST(Safetensors, ReadsEveryFloatType) {
  const auto mapping = MappedFile::open(TESSERA_TEST_DATA "/io/tiny.safetensors");
  const Safetensors file = parse_safetensors(mapping->bytes(), "tiny.safetensors");
  EXPECT_EQ(file.tensors.size(), 4u);
  EXPECT_EQ(file.metadata.at("format"), "pt");
  for (const char* name : {"single", "half", "brain"}) {
    const SafetensorsEntry* entry = file.find(name);
    ASSERT_NE(entry, nullptr) << name;
    EXPECT_EQ(entry->shape, (std::vector<std::int64_t>{2, 3}));
    std::vector<float> values(6);
    read_floats(*entry, values);
    for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(values[i], static_cast<float>(i) / 4) << name;
    values.resize(5);
    EXPECT_THROW(read_floats(*entry, values), UserError);
  }
  std::vector<float> values(4);
  EXPECT_THROW(read_floats(*file.find("ids"), values), UserError);
  EXPECT_EQ(file.find("other"), nullptr);
}

TEST(Safetensors, WhatIsWrittenIsRead) {
  const test::TempFolder folder;
  std::vector<float> values(6);
  std::iota(values.begin(), values.end(), 0.5f);
  const std::vector<std::int32_t> ids = {1, -2};
  SafetensorsWriter out;
  out.metadata("text", "a \"quoted\" line\n");
  out.add("b", {2, 3}, values);
  out.add("a", {2}, ids);
  out.write(folder.path() / "x.safetensors");
  const auto mapping = MappedFile::open(folder.path() / "x.safetensors");
  const Safetensors file = parse_safetensors(mapping->bytes(), "x");
  EXPECT_EQ(file.metadata.at("text"), "a \"quoted\" line\n");
  std::vector<float> got(6);
  read_floats(*file.find("b"), got);
  EXPECT_EQ(got, values);
  EXPECT_EQ(file.find("a")->dtype, "I32");
  EXPECT_EQ(file.find("a")->data.size(), 8u);
  out.add("wrong", {7}, values);
  EXPECT_THROW(out.write(folder.path() / "y.safetensors"), UserError);
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "y.safetensors"));
}

TEST(Safetensors, TruncatedAnywhere) {
  const std::string bytes = read_text_file(TESSERA_TEST_DATA "/io/tiny.safetensors");
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    EXPECT_THROW(parse_safetensors(as_bytes(bytes.substr(0, n)), "bad"), UserError) << n << " bytes";
  }
  EXPECT_THROW(parse_safetensors(as_bytes(bytes + "x"), "bad"), UserError);
}

TEST(Safetensors, DamageNeverCrashes) {
  const std::string bytes = read_text_file(TESSERA_TEST_DATA "/io/tiny.safetensors");
  Rng rng(3);
  int refused = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string bad = bytes;
    for (std::uint64_t n = 1 + rng.below(4); n != 0; --n)
      bad[rng.below(bad.size())] = static_cast<char>(rng.next());
    try {
      const Safetensors file = parse_safetensors(as_bytes(bad), "bad");
      for (const SafetensorsEntry& entry : file.tensors) {
        std::vector<float> values(entry.values());
        read_floats(entry, values);
      }
    } catch (const UserError& error) {
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
      ++refused;
    }
  }
  EXPECT_GT(refused, 1000);
}

TEST(Safetensors, AbsurdHeaders) {
  for (const auto& bytes : {
           std::string(8, '\xFF'),
           with_header("[]", 0),
           with_header("{", 0),
           with_header(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}})", 8),
           with_header(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}})", 4),
           with_header(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4),
           with_header(R"({"a":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}})", 4),
           with_header(R"({"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}})", 0),
           with_header(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                       R"("b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}})",
                       6),
           with_header(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", 8),
       }) {
    EXPECT_THROW(parse_safetensors(as_bytes(bytes), "bad"), UserError) << bytes;
  }
}

}  // namespace
}  // namespace tessera::io
