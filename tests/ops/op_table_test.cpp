// The table holds exactly the ops that the public headers of src/ops/*/ declare.
#include "ops/op_table.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <regex>
#include <set>
#include <string>

#include "util/file.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;

/// Every TT-NN name after "TT-NN:" in a header's comments: "TT-NN: ttnn.add, ttnn.subtract".
std::set<std::string> ttnn_names(const std::string& header) {
  std::set<std::string> names;
  const std::regex name("ttnn(\\.[a-z_0-9]+)+");
  for (std::sregex_iterator i(header.begin(), header.end(), name), end; i != end; ++i) names.insert(i->str());
  return names;
}

TEST(OpTable, EveryFolderIsListed) {
  std::set<std::string> declared, listed;
  for (const OpEntry& op : op_table()) listed.insert(std::string(op.ttnn));
  for (const auto& folder : fs::directory_iterator(TESSERA_SOURCE_DIR "/src/ops")) {
    const std::string name = folder.path().filename().string();
    if (!folder.is_directory() || name == "fused") continue;  // which TT-NN has not
    const std::set<std::string> names = ttnn_names(read_text_file(folder.path() / (name + ".hpp")));
    EXPECT_FALSE(names.empty()) << name << ".hpp names no TT-NN op";
    declared.insert(names.begin(), names.end());
  }
  EXPECT_EQ(declared, listed);
}

TEST(OpTable, NamesAndPurposes) {
  std::set<std::string_view> names;
  for (const OpEntry& op : op_table()) {
    EXPECT_TRUE(names.insert(op.name).second) << op.name << " stands twice";
    EXPECT_TRUE(op.ttnn.ends_with(op.name)) << op.ttnn;
    EXPECT_FALSE(op.purpose.empty()) << op.name;
    EXPECT_EQ(find_op(op.name), &op);
  }
  EXPECT_EQ(find_op("conv2d"), nullptr);
}

}  // namespace
}  // namespace tessera
