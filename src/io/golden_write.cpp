#include <nlohmann/json.hpp>

#include "io/golden.hpp"
#include "io/safetensors.hpp"
#include "util/error.hpp"

namespace tessera::io {
namespace {

std::int64_t count(std::span<const std::int32_t> ids) {
  return static_cast<std::int64_t>(ids.size());
}

// SafetensorsWriter checks every shape against its values.
void add_topk(SafetensorsWriter& out, const std::string& ids_name, const std::string& logits_name,
              std::int64_t rows, const GoldenTopK& topk) {
  out.add(ids_name, {rows, topk.k}, topk.ids);
  out.add(logits_name, {rows, topk.k}, topk.logits);
}

}  // namespace

void write_golden(const std::filesystem::path& path, const Golden& golden) {
  check(golden.greedy.empty() || golden.greedy.size() == golden.prompts.size(),
        "cannot write {}: {} prompts and {} continuations: one for each is needed", path.string(),
        golden.prompts.size(), golden.greedy.size());
  SafetensorsWriter out;
  out.metadata("format", "tessera-golden");
  out.metadata("version", "1");
  out.metadata("model", golden.model);
  out.metadata("source", golden.source);
  if (!golden.content_hash.empty()) out.metadata("content_hash", golden.content_hash);
  const nlohmann::json prompts = golden.prompts;
  out.metadata("prompts", prompts.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));

  const GoldenForced& forced = golden.forced;
  if (!forced.ids.empty()) {
    const std::int64_t rows = count(forced.ids);
    out.add("forced.ids", {rows}, forced.ids);
    add_topk(out, "forced.topk_ids", "forced.topk_logits", rows, forced.topk);
    out.add("forced.logsumexp", {rows}, forced.logsumexp);
  }
  const GoldenHidden& hidden = golden.hidden;
  if (!hidden.ids.empty()) {
    const std::int64_t rows = count(hidden.ids);
    out.add("hidden.ids", {rows}, hidden.ids);
    for (std::size_t i = 0; i < hidden.layers.size(); ++i) {
      out.add(fmt::format("hidden.{}", i), {rows, hidden.hidden_size}, hidden.layers[i]);
    }
    out.add("hidden.final_norm", {rows, hidden.hidden_size}, hidden.final_norm);
    add_topk(out, "hidden.logits_topk_ids", "hidden.logits_topk_logits", rows, hidden.topk);
  }
  for (std::size_t p = 0; p < golden.greedy.size(); ++p) {
    const GoldenGreedy& greedy = golden.greedy[p];
    const std::string prefix = fmt::format("greedy.{}.", p);
    out.add(prefix + "prompt_ids", {count(greedy.prompt_ids)}, greedy.prompt_ids);
    out.add(prefix + "ids", {count(greedy.ids)}, greedy.ids);
    out.add(prefix + "margins", {count(greedy.ids)}, greedy.margins);
  }
  out.write(path);
}

}  // namespace tessera::io
