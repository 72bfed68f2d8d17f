#pragma once
// Golden files: what the reference computes for one model, written once and compared against for ever. A
// safetensors file; python/tessera_golden writes the same from Hugging Face.
//
// clang-format off
//   metadata       format "tessera-golden", version "1", model, source, content_hash (may be absent),
//                  prompts (a JSON list of texts)
//   forced.*       a text's tokens fed one after the other: ids I32 [T], topk_ids I32 [T, K],
//                  topk_logits F32 [T, K] (descending), logsumexp F32 [T]; row t is what the model expects after token t
//   hidden.*       a short prompt: ids I32 [S]; 0 = embedding output and 1..L = output of decoder layer i, before the
//                  final norm, and final_norm, each F32 or BF16 [S, H]; logits_topk_ids, logits_topk_logits [S, K]
//   greedy.{p}.*   for each prompt: prompt_ids I32 [P], ids I32 [G] (generated), margins F32 [G] (first minus second
//                  logit)
// clang-format on
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace tessera::io {

struct GoldenTopK {
  std::int64_t k = 0;
  std::vector<std::int32_t> ids;  // [rows, k]
  std::vector<float> logits;      // [rows, k], descending in a row
};

struct GoldenForced {
  std::vector<std::int32_t> ids;  // [T]
  GoldenTopK topk;                // [T, K]
  std::vector<float> logsumexp;   // [T]
};

struct GoldenHidden {
  std::vector<std::int32_t> ids;           // [S]
  std::int64_t hidden_size = 0;            // H
  std::vector<std::vector<float>> layers;  // 0..L, each [S, H]
  std::vector<float> final_norm;           // [S, H]
  GoldenTopK topk;                         // [S, K]
};

struct GoldenGreedy {
  std::vector<std::int32_t> prompt_ids;  // [P]
  std::vector<std::int32_t> ids;         // [G]
  std::vector<float> margins;            // [G]
};

/// A part that the file lacks has empty ids.
struct Golden {
  std::string model, source, content_hash;
  std::vector<std::string> prompts;
  GoldenForced forced;
  GoldenHidden hidden;
  std::vector<GoldenGreedy> greedy;  // one a prompt, or empty
};

/// Throws UserError for a file that is not a golden file, is incomplete, or contradicts itself.
Golden read_golden(const std::filesystem::path& path);
Golden parse_golden(std::span<const std::byte> bytes, const std::string& file);

/// Whole or not at all. Throws UserError when a part's sizes do not agree.
void write_golden(const std::filesystem::path& path, const Golden& golden);

}  // namespace tessera::io
