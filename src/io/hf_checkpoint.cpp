#include "io/hf_checkpoint.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "io/byte_reader.hpp"
#include "io/content_hash.hpp"
#include "io/hf_config.hpp"
#include "io/json.hpp"
#include "io/safetensors.hpp"
#include "util/error.hpp"
#include "util/file.hpp"

namespace tessera::io {
namespace fs = std::filesystem;
namespace {

class HfCheckpoint final : public Checkpoint {
 public:
  HfCheckpoint(fs::path folder, FamilyFormats formats) : folder_(std::move(folder)) {
    const std::string config = path_of("config.json");
    if (!has("config.json"))
      fail_user("no model in {}: it has no config.json: give a model's folder", folder_.string());
    config_ = parse_hf_config(read_text_file(config), config, formats);
    if (has("generation_config.json")) {
      const std::string generation = path_of("generation_config.json");
      apply_generation_config(config_, read_text_file(generation), generation);
    }
    const std::map<std::string, std::string> index = read_index();
    for (const std::string& name : shard_names(index)) read_shard(name);
    check_index(index);
    const FamilyFormat* family = find_format(formats, config_.architecture);
    add_tensors(family == nullptr ? "" : family->base_prefix);
  }

  void read(std::string_view name, std::span<float> out) const override {
    read_floats(sources_[index_of(name, out.size())], out);
  }

  void read_rows(std::string_view name, std::int64_t first, std::span<float> out) const override {
    const RowRange rows = rows_of(name, first, out.size());
    SafetensorsEntry entry = sources_[rows.index];
    entry.data = entry.data.subspan(rows.offset, rows.bytes);
    read_floats(entry, out);
  }

  TokenizerFiles tokenizer() const override {
    if (!has("tokenizer.json")) {
      fail_user("no tokenizer in {}: it has no tokenizer.json: add the model's own file", folder_.string());
    }
    TokenizerFiles files;
    files.tokenizer_json = read_text_file(folder_ / "tokenizer.json");
    if (has("tokenizer_config.json")) {
      const std::string config = path_of("tokenizer_config.json");
      apply_tokenizer_config(files, read_text_file(config), config);
    }
    if (has("chat_template.jinja")) files.chat_template = read_text_file(folder_ / "chat_template.jinja");
    return files;
  }

  std::string content_hash() const override {
    std::vector<fs::path> files;
    files.reserve(mappings_.size());
    for (const auto& mapping : mappings_) files.push_back(mapping->path());
    for (const char* name : {"config.json", "generation_config.json", "tokenizer.json",
                             "tokenizer_config.json", "chat_template.jinja"}) {
      if (has(name)) files.push_back(folder_ / name);
    }
    return files_sha256(files);
  }

 private:
  std::string path_of(const char* name) const { return (folder_ / name).string(); }
  bool has(const std::string& name) const {
    std::error_code ignored;
    return fs::is_regular_file(folder_ / name, ignored);
  }

  /// Tensor -> file of model.safetensors.index.json; empty without one.
  std::map<std::string, std::string> read_index() const {
    std::map<std::string, std::string> index;
    if (!has("model.safetensors.index.json")) return index;
    const std::string file = path_of("model.safetensors.index.json");
    const auto document = parse_json_object(read_text_file(file), file);
    const JsonReader reader(document, file);
    const auto* entries = reader.object("weight_map");
    if (entries == nullptr) reader.missing("weight_map");
    for (const auto& [tensor, shard] : entries->items()) {
      // A name with a folder in it would let a downloaded index open any file.
      const std::string name = shard.is_string() ? shard.get<std::string>() : "";
      if (name.empty() || name != fs::path(name).filename()) {
        fail_user("{} is damaged: tensor '{}' is in '{}': a file of the same folder is needed", file,
                  printable(tensor), printable(name));
      }
      index[tensor] = name;
    }
    return index;
  }

  std::set<std::string> shard_names(const std::map<std::string, std::string>& index) const {
    std::set<std::string> names;
    for (const auto& [tensor, shard] : index) names.insert(shard);
    for (const std::string& name : names) {
      if (!has(name))
        fail_user("{} is incomplete: {} is missing: download it again", folder_.string(), printable(name));
    }
    if (!names.empty()) return names;
    if (has("model.safetensors")) return {"model.safetensors"};
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(folder_, ignored)) {
      if (entry.path().extension() == ".safetensors") names.insert(entry.path().filename().string());
    }
    if (names.empty()) {
      fail_user("no weights in {}: it has no .safetensors file: convert the checkpoint to safetensors",
                folder_.string());
    }
    return names;
  }

  void read_shard(const std::string& name) {
    auto mapping = MappedFile::open(folder_ / name);
    Safetensors shard = parse_safetensors(mapping->bytes(), mapping->path().string());
    for (SafetensorsEntry& entry : shard.tensors) {
      if (!shard_of_.emplace(entry.name, name).second) {
        fail_user("{} is damaged: tensor '{}' stands twice: get the file again", mapping->path().string(),
                  printable(entry.name));
      }
      sources_.push_back(std::move(entry));
    }
    mappings_.push_back(std::move(mapping));
  }

  /// Checkpoints of a model without its head lack the prefix of all names, as the first GPT-2's.
  void add_tensors(std::string_view prefix) {
    const bool bare = !prefix.empty() && std::ranges::none_of(sources_, [&](const SafetensorsEntry& entry) {
      return entry.name.starts_with(prefix);
    });
    for (const SafetensorsEntry& entry : sources_) {
      const std::string name = bare ? std::string(prefix) + entry.name : entry.name;
      add_tensor({name, entry.dtype, entry.shape, entry.data.size()}, folder_.string());
    }
  }

  void check_index(const std::map<std::string, std::string>& index) const {
    for (const auto& [tensor, shard] : index) {
      const auto it = shard_of_.find(tensor);
      if (it == shard_of_.end() || it->second != shard) {
        fail_user("{} is incomplete: the index has tensor '{}' in {}, which lacks it: download it again",
                  folder_.string(), printable(tensor), printable(shard));
      }
    }
  }

  fs::path folder_;
  std::vector<std::shared_ptr<const MappedFile>> mappings_;
  std::map<std::string, std::string> shard_of_;
  std::vector<SafetensorsEntry> sources_;  // as tensors()
};

}  // namespace

std::unique_ptr<Checkpoint> open_hf_checkpoint(const fs::path& folder, FamilyFormats formats) {
  return std::make_unique<HfCheckpoint>(folder, formats);
}

}  // namespace tessera::io
