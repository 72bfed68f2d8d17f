// The hardware's own results, and proof that a wrong bit would be seen.
#include <gtest/gtest.h>

#include <fstream>

#include "tessera-vectors/vector_cases.hpp"
#include "util/error.hpp"

namespace tessera::vectors {
namespace {
namespace fs = std::filesystem;

const fs::path kData = fs::path(TESSERA_TEST_DATA) / "wormhole";

class Vectors : public testing::Test {
 protected:
  // A copy whose byte at `offset` of vectors.bin is changed and whose index is `index` if given.
  fs::path copy(std::optional<std::size_t> offset, const std::string& index = "") {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    const fs::path folder = fs::path(testing::TempDir()) / (std::string("vectors_") + info->name());
    fs::remove_all(folder);
    fs::create_directories(folder);
    fs::copy(kData / "index.json", folder);
    fs::copy(kData / "vectors.bin", folder);
    if (offset) {
      std::fstream file(folder / "vectors.bin", std::ios::in | std::ios::out | std::ios::binary);
      file.seekg(static_cast<std::streamoff>(*offset));
      const int byte = file.get();
      file.seekp(static_cast<std::streamoff>(*offset));
      file.put(static_cast<char>(byte ^ 1));
    }
    if (!index.empty()) std::ofstream(folder / "index.json") << index;
    return folder;
  }

  Tally run(const fs::path& folder) {
    lines.clear();
    return run_vectors(VectorFolder(folder), [&](const std::string& line) { lines.push_back(line); });
  }

  std::string error_of(const std::string& index) {
    try {
      run(copy({}, index));
    } catch (const UserError& error) {
      return error.what();
    }
    return "no error";
  }

  std::vector<std::string> lines;
};

TEST_F(Vectors, AllAreReproduced) {
  const Tally tally = run(kData);
  EXPECT_EQ(tally.cases, 74);
  EXPECT_EQ(tally.values, 153600);
  EXPECT_EQ(tally.wrong, 0) << lines.front();
}

TEST_F(Vectors, AChangedBitOfAnyListIsSeen) {
  const VectorFolder folder(kData);
  const std::pair<const char*, const char*> outputs[] = {{"matmul", "dest_out"},  {"unpack", "srca"},
                                                         {"pack", "out_bfp4_b"},  {"pack_l1acc", "l1_out"},
                                                         {"eltwise", "dest_out"}, {"fma", "out"}};
  for (const auto& [list, field] : outputs) {
    const auto offset = folder.index()[list][0][field][0].get<std::size_t>();
    const Tally tally = run(copy(offset));
    EXPECT_GT(tally.wrong, 0) << list;
    ASSERT_FALSE(lines.empty());
    EXPECT_NE(lines.front().find(std::string(list) + "[0]"), std::string::npos) << lines.front();
  }
}

TEST_F(Vectors, MalformedFoldersAreRefusedByName) {
  EXPECT_THROW(run(fs::path(testing::TempDir()) / "no_such_folder"), UserError);
  EXPECT_NE(error_of("[]").find("index.json"), std::string::npos);
  EXPECT_NE(error_of(R"({"pool": [{}]})").find("list \"pool\""), std::string::npos);
  EXPECT_NE(error_of(R"({"fma": [1]})").find("fma[0]"), std::string::npos);
  EXPECT_NE(error_of(R"({"fma": [{"x": [0, 16]}]})").find("16 bytes: 8192 expected"), std::string::npos);
  EXPECT_NE(error_of(R"({"fma": [{"x": [999999999, 8192]}]})").find("vectors.bin has"), std::string::npos);
  EXPECT_NE(error_of(R"({"unpack": [{"reg": "bf16", "fmt": "bf17"}]})").find("\"bf17\""), std::string::npos);
}

}  // namespace
}  // namespace tessera::vectors
