// Whole real models against the gguf Python package: the SHA-256 of every tensor's float32 values in file
// order (h.update(gguf.quants.dequantize(t.data, t.tensor_type).astype("<f4")) for t in
// GGUFReader(path).tensors). Of the long suite, which fetches the models first.
#include <gtest/gtest.h>

#include <vector>

#include "io/catalogue.hpp"
#include "io/checkpoint.hpp"
#include "io/sha256.hpp"

namespace tessera::io {
namespace {

void expect_values(const char* name, std::size_t tensors, const char* sha256) {
  const CatalogueEntry* entry = find_catalogue_entry(name);
  ASSERT_NE(entry, nullptr);
  const auto path = find_fetched(*entry);
  ASSERT_TRUE(path && path->extension() == ".gguf")
      << name << " is not here: ./run test --all fetches it (tessera pull, scripts/fetch_test_models)";
  const auto checkpoint = Checkpoint::open(*path);
  EXPECT_EQ(checkpoint->content_hash(), entry->sha256);
  ASSERT_EQ(checkpoint->tensors().size(), tensors);
  Sha256 hash;
  std::vector<float> values;
  for (const CheckpointTensor& tensor : checkpoint->tensors()) {
    std::size_t count = 1;
    for (const std::int64_t size : tensor.shape) count *= static_cast<std::size_t>(size);
    values.resize(count);
    checkpoint->read(tensor.name, values);
    hash.update(std::as_bytes(std::span(values)));
  }
  EXPECT_EQ(hash.finish(), sha256);
}

TEST(RealModel, SmolLm2) {
  expect_values("smollm2-135m", 272, "1034100613c22abd3cc047d99b02ed7a8d419bc245f4cf54a4736c5f699ba569");
}

TEST(RealModel, Gemma3) {
  expect_values("gemma-3-270m", 236, "91fdb6fea3dfcf39038123ce414f80e101a78f17fd69ae2165c91c4453bbd66b");
}

}  // namespace
}  // namespace tessera::io
