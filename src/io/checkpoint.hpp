#pragma once
// A checkpoint: configuration, weights and tokenizer files of one model, from a Hugging Face folder or a GGUF
// file. Weights carry Hugging Face's names and shapes whatever the file calls them.
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "io/family_format.hpp"
#include "io/model_config.hpp"

namespace tessera::io {

struct CheckpointTensor {
  std::string name;                 // "model.layers.0.self_attn.q_proj.weight"
  std::string dtype;                // as stored: "F32", "F16", "BF16", "Q4_1", ...
  std::vector<std::int64_t> shape;  // Hugging Face order: [out_features, in_features]
  std::uint64_t bytes = 0;          // as stored
};

/// The vocabulary of a GGUF file, enough to rebuild the Hugging Face tokenizer.
struct GgufVocab {
  std::string model;  // tokenizer.ggml.model: "gpt2" (byte-level BPE), "llama" (SentencePiece)
  std::string pre;    // tokenizer.ggml.pre: "smollm", "llama-bpe", "qwen2", ...
  std::vector<std::string> tokens;
  std::vector<std::int32_t> token_types;  // 1 normal, 2 unknown, 3 control, 4 user defined, 5 unused, 6 byte
  std::vector<float> scores;
  std::vector<std::string> merges;
  int bos_token_id = -1, eos_token_id = -1, unknown_token_id = -1;
  std::optional<bool> add_bos_token;  // absent: `model` and `pre` decide
  bool add_space_prefix = true;
};

/// What the text room needs to build the tokenizer; exactly one of tokenizer_json and vocab is set.
struct TokenizerFiles {
  std::string tokenizer_json;  // the text of tokenizer.json
  std::optional<GgufVocab> vocab;
  std::string chat_template;  // Jinja source; empty: none
  std::string bos_token, eos_token;
};

class Checkpoint {
 public:
  /// Opens a folder with config.json or a .gguf file; maps it, reads the headers, no weights. Throws
  /// UserError with one clear line for anything malformed. `formats`: the families whose keys and names are
  /// known (models::open_checkpoint gives all of them).
  static std::unique_ptr<Checkpoint> open(const std::filesystem::path& path, FamilyFormats formats = {});
  virtual ~Checkpoint() = default;

  const ModelConfig& config() const { return config_; }
  const std::vector<CheckpointTensor>& tensors() const { return tensors_; }
  /// nullptr when there is no such tensor.
  const CheckpointTensor* find(std::string_view name) const;

  /// Dequantises a whole tensor to float32, row-major in the shape above. `out` has exactly that many
  /// elements.
  virtual void read(std::string_view name, std::span<float> out) const = 0;

  /// The same for the rows (the first dimension) from `first` on that `out` has room for: a chip of several
  /// reads its part only. Throws UserError beyond the last row.
  virtual void read_rows(std::string_view name, std::int64_t first, std::span<float> out) const;

  /// Throws UserError when the checkpoint has no tokenizer.
  virtual TokenizerFiles tokenizer() const = 0;

  /// SHA-256 of the contents, hex; remembered per (path, size, mtime, inode), so that an unchanged file is
  /// hashed once.
  virtual std::string content_hash() const = 0;

 protected:
  /// Throws UserError when a tensor of that name is already there; `file` names its file in the error.
  void add_tensor(CheckpointTensor tensor, std::string_view file);
  /// Position in tensors(). Throws UserError unless the tensor exists and has `values` values.
  std::size_t index_of(std::string_view name, std::size_t values) const;

  /// Rows of a tensor as a place in its stored bytes. Throws UserError unless the tensor has these rows.
  struct RowRange {
    std::size_t index = 0;              // in tensors()
    std::size_t offset = 0, bytes = 0;  // in its data
  };
  RowRange rows_of(std::string_view name, std::int64_t first, std::size_t values) const;

  ModelConfig config_;

 private:
  std::vector<CheckpointTensor> tensors_;
  std::unordered_map<std::string, std::size_t> index_;
};

}  // namespace tessera::io
