#include <gtest/gtest.h>
#include <tessera_rust.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace {

std::string file(const std::string& header, std::size_t data_bytes) {
  std::string out;
  for (int i = 0; i < 8; ++i) out += static_cast<char>(static_cast<std::uint64_t>(header.size()) >> (8 * i));
  return out + header + std::string(data_bytes, '\0');
}

/// The document, or "error: ...".
std::string read(const std::string& bytes) {
  char* data = nullptr;
  std::size_t size = 0;
  char* error = tessera_rust_safetensors_header(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                                bytes.size(), &data, &size);
  const std::string out = error == nullptr ? std::string(data, size) : std::string("error: ") + error;
  tessera_rust_free_string(error);
  tessera_rust_free_string(data);
  return out;
}

bool refused(const std::string& header, std::size_t data_bytes) {
  return read(file(header, data_bytes)).starts_with("error: ");
}

constexpr const char* kTwo =
    R"({"__metadata__":{"format":"pt"},"b":{"dtype":"BF16","shape":[2,3],"data_offsets":[8,20]},)"
    R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";

TEST(SafetensorsHeader, ListsTensorsInFileOrderWithAbsoluteOffsets) {
  const auto json = nlohmann::json::parse(read(file(kTwo, 20)));
  const std::size_t data = 8 + std::string(kTwo).size();
  EXPECT_EQ(json["metadata"]["format"], "pt");
  ASSERT_EQ(json["tensors"].size(), 2u);
  EXPECT_EQ(
      json["tensors"][0],
      (nlohmann::json{{"name", "a"}, {"dtype", "F32"}, {"shape", {2}}, {"begin", data}, {"end", data + 8}}));
  EXPECT_EQ(json["tensors"][1]["dtype"], "BF16");
  EXPECT_EQ(json["tensors"][1]["end"], data + 20);
}

TEST(SafetensorsHeader, RefusesDamage) {
  EXPECT_TRUE(refused(kTwo, 19));  // truncated
  EXPECT_TRUE(refused(kTwo, 21));  // left over
  EXPECT_TRUE(refused("{", 0));
  EXPECT_TRUE(read("").starts_with("error: "));
  EXPECT_TRUE(read(std::string(8, '\xFF')).starts_with("error: "));
  EXPECT_TRUE(refused(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                      R"("b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
                      12));                                                                // overlap
  EXPECT_TRUE(refused(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})", 12));  // hole
  EXPECT_TRUE(refused(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8));    // shape and range
  EXPECT_TRUE(refused(R"({"a":{"dtype":"F31","shape":[2],"data_offsets":[0,8]}})", 8));
  EXPECT_TRUE(refused(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}})", 8));
}

}  // namespace
