#include "models/weight_cache.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>

#include "models/weight_sources.hpp"
#include "util/error.hpp"
#include "util/progress.hpp"

namespace tessera::models {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kMagic = "TESSERAW";
// Raised whenever device/form.hpp changes a form.
constexpr int kPackingVersion = 4;
constexpr std::size_t kAlign = 64;

std::size_t align(std::size_t n) {
  return (n + kAlign - 1) / kAlign * kAlign;
}

std::string spec_text(const nn::WeightRequest& request) {
  return to_string(request.spec());
}

std::size_t packed_size(const nn::WeightRequest& request) {
  const Form form = choose_form(Engine::Fast, request.spec(), request.memory_config());
  return static_cast<std::size_t>(form_bytes(form, request.spec().logical_shape));
}

// FNV-1a: names a file, guards nothing.
std::string short_hash(std::string_view text) {
  std::uint64_t hash = 0xCBF29CE484222325ull;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ull;
  return fmt::format("{:016x}", hash);
}

std::string form_text(const nn::TensorPlan& plan) {
  switch (plan.form) {
    case nn::TensorForm::Replicated:
      return "";
    case nn::TensorForm::Fractured:
      return "-fractured";
    case nn::TensorForm::Grid:
      break;
  }
  return fmt::format("-rows{}", plan.columns);
}

}  // namespace

fs::path weight_cache_path(const io::Checkpoint& checkpoint, const Precision& precision,
                           const comm::Group* group, const nn::TensorPlan& plan) {
  const char* folder = std::getenv("TESSERA_WEIGHT_CACHE");
  const fs::path base = folder != nullptr && *folder != '\0' ? fs::path(folder) : cache_folder() / "weights";
  const std::string content = checkpoint.content_hash();
  const bool alone = group == nullptr || group->size() == 1;
  const std::string part =
      alone ? "" : fmt::format("-{}of{}{}", group->rank(), group->size(), form_text(plan));
  return base / fmt::format("{}-{}-v{}{}.tsw", content.substr(0, 32), short_hash(precision.fingerprint()),
                            kPackingVersion, part);
}

void write_weight_cache(const fs::path& path, Device& device, const io::Checkpoint& checkpoint,
                        const std::vector<nn::WeightRequest>& requests) {
  nlohmann::json index;
  index["version"] = kPackingVersion;
  std::size_t end = 0;
  for (const auto& request : requests) {
    const std::size_t bytes = packed_size(request);
    index["tensors"][request.key] = {{"offset", end}, {"bytes", bytes}, {"spec", spec_text(request)}};
    end = align(end + bytes);
  }
  std::string head(kMagic);
  std::string text = index.dump();
  text.resize(align(text.size() + 16) - 16, ' ');
  const std::uint64_t length = text.size();
  head.append(reinterpret_cast<const char*>(&length), 8);

  fs::create_directories(path.parent_path());
  std::optional<AtomicFile> file;
  try {
    file.emplace(path);
  } catch (const UserError& error) {
    // No place for the cache, which the user has not asked for.
    throw SystemError(error.what());
  }
  file->write(head + text);
  Progress progress("packing weights", static_cast<std::int64_t>(end));
  for (const auto& request : requests) {
    const std::vector<float> values = read_weight(checkpoint, request);
    const Tensor packed =
        to_device(device, std::span<const float>(values), request.spec(), request.memory_config());
    file->write(packed.bytes());
    const std::size_t bytes = packed_size(request);
    file->write(std::string(align(bytes) - bytes, '\0'));
    progress.add(static_cast<std::int64_t>(align(bytes)));
  }
  file->commit();
}

std::unique_ptr<MappedSource> MappedSource::open(Device& device, const fs::path& path) {
  if (!fs::exists(path)) return nullptr;
  try {
    auto file = MappedFile::open(path);
    const auto bytes = file->bytes();
    std::uint64_t length = 0;
    if (bytes.size() < 16 || std::memcmp(bytes.data(), kMagic.data(), 8) != 0) return nullptr;
    std::memcpy(&length, bytes.data() + 8, 8);
    if (length > bytes.size() - 16) return nullptr;
    const auto* text = reinterpret_cast<const char*>(bytes.data()) + 16;
    const auto index = nlohmann::json::parse(text, text + length);
    if (index.at("version") != kPackingVersion) return nullptr;
    const std::size_t base = 16 + length;
    if (base % kAlign != 0) return nullptr;
    std::map<std::string, Entry> entries;
    for (const auto& [key, value] : index.at("tensors").items()) {
      // Checked before it is added to anything: a damaged offset may be any number.
      const auto offset = value.at("offset").get<std::size_t>();
      Entry entry{base + offset, value.at("bytes").get<std::size_t>(), value.at("spec").get<std::string>()};
      if (offset % kAlign != 0 || offset > bytes.size() - base ||
          entry.bytes > bytes.size() - base - offset) {
        return nullptr;
      }
      entries.emplace(key, std::move(entry));
    }
    return std::unique_ptr<MappedSource>(new MappedSource(device, std::move(file), std::move(entries)));
  } catch (const nlohmann::json::exception&) {
    return nullptr;
  }
}

Tensor MappedSource::load(const nn::WeightRequest& request) {
  const auto it = entries_.find(request.key);
  check(it != entries_.end(), "weight cache {}: no {}: remove the file and start again",
        file_->path().string(), request.key);
  return map_on_device(device_, request.spec(), request.memory_config(), file_,
                       file_->bytes().subspan(it->second.offset, it->second.bytes));
}

bool MappedSource::holds(const std::vector<nn::WeightRequest>& requests) const {
  for (const auto& request : requests) {
    const auto it = entries_.find(request.key);
    if (it == entries_.end() || it->second.spec != spec_text(request) ||
        it->second.bytes != packed_size(request)) {
      return false;
    }
  }
  return true;
}

}  // namespace tessera::models
