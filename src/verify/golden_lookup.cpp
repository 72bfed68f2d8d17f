#include "verify/golden_lookup.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <utility>
#include <vector>

#include "io/content_hash.hpp"
#include "util/error.hpp"

namespace tessera::verify {
namespace fs = std::filesystem;
namespace {

std::vector<fs::path> folders() {
  std::vector<fs::path> result;
  if (const char* list = std::getenv("TESSERA_GOLDENS"); list != nullptr) {
    std::stringstream folders(list);
    for (std::string folder; std::getline(folders, folder, ':');) {
      if (!folder.empty()) result.emplace_back(folder);
    }
  }
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (!error) result.push_back(program.parent_path().parent_path() / "share" / "tessera" / "golden");
  return result;
}

// Of another checkpoint, or not readable: nothing.
std::optional<io::Golden> read_matching(const fs::path& path, const std::string& content_hash) {
  try {
    io::Golden golden = io::read_golden(path);
    if (!golden.content_hash.empty() && golden.content_hash == content_hash) return golden;
  } catch (const Error& error) {
    fmt::print(stderr, "tessera: a golden file is left out: {}\n", error.what());
  }
  return std::nullopt;
}

}  // namespace

std::optional<FoundGolden> find_golden(const std::string& file, const std::string& content_hash) {
  if (!file.empty()) return FoundGolden{io::read_golden(file), io::file_sha256(file)};
  for (const fs::path& folder : folders()) {
    std::error_code error;
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(folder, error)) files.push_back(entry.path());
    std::ranges::sort(files);
    for (const fs::path& path : files) {
      if (path.extension() != ".safetensors") continue;
      if (auto golden = read_matching(path, content_hash))
        return FoundGolden{std::move(*golden), io::file_sha256(path)};
    }
  }
  return std::nullopt;
}

}  // namespace tessera::verify
