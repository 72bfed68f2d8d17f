#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "io/byte_reader.hpp"
#include "io/golden.hpp"
#include "io/safetensors.hpp"
#include "util/error.hpp"
#include "util/file.hpp"

namespace tessera::io {
namespace {

class Reader {
 public:
  Reader(const Safetensors& tensors, const std::string& file) : tensors_(tensors), file_(file) {}

  Golden read() const {
    if (text("format") != "tessera-golden") {
      fail_user("{} is not a golden file: its format is '{}': write one with `tessera golden`", file_,
                printable(text("format")));
    }
    if (text("version") != "1") {
      fail_user("{} cannot be read: golden version '{}': write it again with `tessera golden`", file_,
                printable(text("version")));
    }
    Golden golden;
    golden.model = text("model");
    golden.source = text("source");
    golden.content_hash = text("content_hash");
    golden.prompts = prompts();
    if (tensors_.find("forced.ids") != nullptr) golden.forced = forced();
    if (tensors_.find("hidden.ids") != nullptr) golden.hidden = hidden();
    if (tensors_.find("greedy.0.ids") != nullptr) {
      for (std::size_t p = 0; p < golden.prompts.size(); ++p) golden.greedy.push_back(greedy(p));
    }
    return golden;
  }

 private:
  std::string text(const std::string& key) const {
    const auto it = tensors_.metadata.find(key);
    return it == tensors_.metadata.end() ? "" : it->second;
  }

  std::vector<std::string> prompts() const {
    try {
      const auto list = nlohmann::json::parse(text("prompts").empty() ? "[]" : text("prompts"));
      return list.get<std::vector<std::string>>();
    } catch (const nlohmann::json::exception&) {
      fail_user("{} is damaged: its prompts are not a JSON list of texts: write it again", file_);
    }
  }

  GoldenForced forced() const {
    GoldenForced part;
    part.ids = ids("forced.ids");
    const std::size_t rows = part.ids.size();
    part.topk = topk("forced.topk_ids", "forced.topk_logits", rows);
    part.logsumexp = floats("forced.logsumexp", {static_cast<std::int64_t>(rows)});
    return part;
  }

  GoldenHidden hidden() const {
    GoldenHidden part;
    part.ids = ids("hidden.ids");
    const SafetensorsEntry& first = tensor("hidden.0");
    if (first.shape.size() != 2) bad("hidden.0", "is not [tokens, hidden size]");
    part.hidden_size = first.shape[1];
    const std::vector<std::int64_t> shape = {static_cast<std::int64_t>(part.ids.size()), part.hidden_size};
    for (std::size_t i = 0; tensors_.find(fmt::format("hidden.{}", i)) != nullptr; ++i) {
      part.layers.push_back(floats(fmt::format("hidden.{}", i), shape));
    }
    part.final_norm = floats("hidden.final_norm", shape);
    part.topk = topk("hidden.logits_topk_ids", "hidden.logits_topk_logits", part.ids.size());
    return part;
  }

  GoldenGreedy greedy(std::size_t prompt) const {
    const std::string prefix = fmt::format("greedy.{}.", prompt);
    GoldenGreedy part;
    part.prompt_ids = ids(prefix + "prompt_ids");
    part.ids = ids(prefix + "ids");
    part.margins = floats(prefix + "margins", {static_cast<std::int64_t>(part.ids.size())});
    return part;
  }

  GoldenTopK topk(const std::string& ids_name, const std::string& logits_name, std::size_t rows) const {
    const SafetensorsEntry& entry = tensor(ids_name);
    if (entry.shape.size() != 2 || entry.shape[0] != static_cast<std::int64_t>(rows)) {
      bad(ids_name, fmt::format("is not [{}, k]", rows));
    }
    GoldenTopK part;
    part.k = entry.shape[1];
    part.ids = token_ids(entry);
    part.logits = floats(logits_name, entry.shape);
    for (std::size_t i = 1; i < part.logits.size(); ++i) {
      const bool new_row = i % static_cast<std::size_t>(part.k) == 0;
      if (!new_row && part.logits[i] > part.logits[i - 1]) bad(logits_name, "does not descend");
    }
    return part;
  }

  std::vector<std::int32_t> ids(const std::string& name) const {
    const SafetensorsEntry& entry = tensor(name);
    if (entry.shape.size() != 1) bad(name, "is not a list");
    return token_ids(entry);
  }

  std::vector<std::int32_t> token_ids(const SafetensorsEntry& entry) const {
    if (entry.dtype != "I32") bad(entry.name, fmt::format("has dtype {} and not I32", entry.dtype));
    std::vector<std::int32_t> values(entry.data.size() / 4);
    std::memcpy(values.data(), entry.data.data(), values.size() * 4);
    for (const std::int32_t id : values) {
      if (id < 0) bad(entry.name, "holds a negative token id");
    }
    return values;
  }

  std::vector<float> floats(const std::string& name, const std::vector<std::int64_t>& shape) const {
    const SafetensorsEntry& entry = tensor(name);
    if (entry.shape != shape) bad(name, "has another shape than the tensors beside it");
    std::vector<float> values(entry.values());
    read_floats(entry, values);
    for (const float value : values) {
      if (std::isnan(value)) bad(name, "holds NaN");
    }
    return values;
  }

  const SafetensorsEntry& tensor(const std::string& name) const {
    const SafetensorsEntry* entry = tensors_.find(name);
    if (entry == nullptr) bad(name, "is missing");
    return *entry;
  }

  [[noreturn]] void bad(const std::string& name, const std::string& what) const {
    fail_user("{} is not a whole golden file: tensor '{}' {}: write it again", file_, printable(name), what);
  }

  const Safetensors& tensors_;
  const std::string& file_;
};

}  // namespace

Golden parse_golden(std::span<const std::byte> bytes, const std::string& file) {
  return Reader(parse_safetensors(bytes, file), file).read();
}

Golden read_golden(const std::filesystem::path& path) {
  const auto mapping = MappedFile::open(path);
  return parse_golden(mapping->bytes(), path.string());
}

}  // namespace tessera::io
