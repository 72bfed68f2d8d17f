#include "io/content_hash.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <mutex>
#include <nlohmann/json.hpp>
#include <vector>

#include "io/sha256.hpp"
#include "util/error.hpp"
#include "util/file.hpp"
#include "util/interrupt.hpp"
#include "util/progress.hpp"

namespace tessera::io {
namespace fs = std::filesystem;
namespace {

using nlohmann::json;

constexpr std::size_t kMostEntries = 1000;
std::mutex cache_mutex;

fs::path cache_file() {
  return cache_folder() / "hashes.json";
}

/// What tells an unchanged file from a changed one.
json identity(const fs::path& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0)
    fail_user("cannot read {}: {}: check the path", path.string(), errno_text());
  const std::int64_t mtime = std::int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec;
  return {{"size", info.st_size}, {"mtime_ns", mtime}, {"inode", info.st_ino}};
}

/// An empty object when there is no cache or it is damaged.
json read_cache() {
  try {
    json cache = json::parse(read_text_file(cache_file()));
    return cache.is_object() ? std::move(cache) : json::object();
  } catch (const Error&) {
    return json::object();
  } catch (const json::exception&) {
    return json::object();
  }
}

/// Empty when the file is not remembered as it is now.
std::string recall(const std::string& path, const json& now) {
  const std::scoped_lock lock(cache_mutex);
  const json cache = read_cache();
  const auto it = cache.find(path);
  if (it == cache.end() || !it->is_object()) return {};
  const auto hash = it->find("sha256");
  if (hash == it->end() || !hash->is_string() || hash->get_ref<const std::string&>().size() != 64) return {};
  json known = *it;
  known.erase("sha256");
  return known == now ? hash->get<std::string>() : std::string();
}

void remember(const std::string& path, json entry, const std::string& hash) {
  const std::scoped_lock lock(cache_mutex);
  try {
    json cache = read_cache();
    if (cache.size() >= kMostEntries) cache = json::object();
    entry["sha256"] = hash;
    cache[path] = std::move(entry);
    fs::create_directories(cache_folder());
    write_text_file(cache_file(), cache.dump(1, ' ', false, json::error_handler_t::replace));
  } catch (const Error&) {
    return;  // a read-only home, a full disk: the next run hashes again
  } catch (const fs::filesystem_error&) {
    return;
  }
}

}  // namespace

std::string compute_sha256(const fs::path& path) {
  const auto mapping = MappedFile::open(path);
  std::span<const std::byte> rest = mapping->bytes();
  Progress progress("hashing " + path.filename().string(), static_cast<std::int64_t>(rest.size()));
  Sha256 hash;
  while (!rest.empty()) {
    check_interrupt();
    const auto piece = rest.first(std::min<std::size_t>(rest.size(), std::size_t{4} << 20));
    hash.update(piece);
    progress.add(static_cast<std::int64_t>(piece.size()));
    rest = rest.subspan(piece.size());
  }
  progress.finish();
  return hash.finish();
}

std::string file_sha256(const fs::path& path) {
  std::error_code ignored;
  const fs::path canonical = fs::weakly_canonical(path, ignored);
  const std::string key = canonical.empty() ? path.string() : canonical.string();
  const json before = identity(path);
  if (std::string known = recall(key, before); !known.empty()) return known;
  std::string hash = compute_sha256(path);
  if (identity(path) == before) remember(key, before, hash);
  return hash;
}

std::string files_sha256(std::span<const fs::path> files) {
  std::vector<std::string> lines;
  for (const fs::path& file : files)
    lines.push_back(file.filename().string() + " " + file_sha256(file) + "\n");
  std::sort(lines.begin(), lines.end());
  Sha256 hash;
  for (const std::string& line : lines) hash.update(line);
  return hash.finish();
}

}  // namespace tessera::io
