#include <gtest/gtest.h>
#include <tessera_rust.h>

#include <string>
#include <string_view>

namespace {

std::string finish(tessera_rust_sha256* hash) {
  char* data = nullptr;
  std::size_t size = 0;
  EXPECT_EQ(tessera_rust_sha256_finish(hash, &data, &size), nullptr);
  std::string hex(data, size);
  tessera_rust_free_string(data);
  return hex;
}

void update(tessera_rust_sha256* hash, std::string_view text) {
  tessera_rust_sha256_update(hash, reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
}

// The digests are those of FIPS 180-4's examples.
TEST(Sha256, KnownDigestsWholeAndInParts) {
  tessera_rust_sha256* hash = tessera_rust_sha256_new();
  EXPECT_EQ(finish(hash), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  update(hash, "abc");
  EXPECT_EQ(finish(hash), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const std::string thousand(1000, 'a');
  for (int i = 0; i < 1000; ++i) update(hash, thousand);
  EXPECT_EQ(finish(hash), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  tessera_rust_sha256_free(hash);
  tessera_rust_sha256_free(nullptr);
}

}  // namespace
