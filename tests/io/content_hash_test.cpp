#include "io/content_hash.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "io/sha256.hpp"
#include "temp_folder.hpp"
#include "util/error.hpp"

namespace tessera::io {
namespace {

constexpr const char* kAbc =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";  // FIPS 180-2

TEST(Sha256, KnownAnswers) {
  Sha256 hash;
  EXPECT_EQ(hash.finish(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  hash.update("a");
  hash.update("bc");
  EXPECT_EQ(hash.finish(), kAbc);
}

TEST(ContentHash, IsRememberedUntilTheFileChanges) {
  const test::TempFolder folder;
  const test::ScopedEnvironment cache("XDG_CACHE_HOME", folder.path() / "cache");
  const auto file = folder.write("x", "abc");
  EXPECT_EQ(file_sha256(file), kAbc);
  // A false memory shows that the second call does not read the file.
  const auto memo = folder.path() / "cache" / "tessera" / "hashes.json";
  auto entries = nlohmann::json::parse(read_text_file(memo));
  ASSERT_EQ(entries.size(), 1u);
  const std::string mark(64, '0');
  entries.begin()->at("sha256") = mark;
  write_text_file(memo, entries.dump());
  EXPECT_EQ(file_sha256(file), mark);
  folder.write("x", "abd");  // another inode
  EXPECT_NE(file_sha256(file), mark);
}

TEST(ContentHash, ADamagedOrUnwritableCacheOnlyCostsTime) {
  const test::TempFolder folder;
  const auto file = folder.write("x", "abc");
  {
    const test::ScopedEnvironment cache("XDG_CACHE_HOME", folder.path() / "cache");
    folder.write("cache/tessera/hashes.json", "{ not json");
    EXPECT_EQ(file_sha256(file), kAbc);
    folder.write("cache/tessera/hashes.json", "[1, 2]");
    EXPECT_EQ(file_sha256(file), kAbc);
  }
  const test::ScopedEnvironment cache("XDG_CACHE_HOME", "/dev/null/cache");
  EXPECT_EQ(file_sha256(file), kAbc);
}

TEST(ContentHash, MissingFile) {
  EXPECT_THROW(file_sha256("/nowhere/x"), UserError);
}

}  // namespace
}  // namespace tessera::io
