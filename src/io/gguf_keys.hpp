#pragma once
// The metadata of a GGUF file under its architecture's prefix, for the families' read functions.
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "io/gguf.hpp"
#include "io/model_config.hpp"

namespace tessera::io {

/// Keys under "llama.", required where the architecture is known. Remembers which were asked for.
class GgufKeys {
 public:
  GgufKeys(const Gguf& gguf, std::string prefix, bool required)
      : gguf_(gguf), prefix_(std::move(prefix)), required_(required) {}

  const Gguf& gguf() const { return gguf_; }
  bool required() const { return required_; }
  std::string full(std::string_view key) const;
  bool has_tensor(std::string_view name) const { return find_tensor(name) != nullptr; }
  /// nullptr when there is none.
  const GgufTensor* find_tensor(std::string_view name) const;

  /// A positive int. `otherwise` 0: the key must be there. An unknown architecture may have an array here
  /// (one value a layer): read as 0.
  int size(std::string_view key, int otherwise = 0) const;
  float positive(std::string_view key, float otherwise) const;
  bool has(std::string_view key) const;
  bool flag(std::string_view key, bool otherwise) const;

  /// Keys under the prefix that nobody asked for, that are not 0 or false, and are not known to leave the
  /// arithmetic alone.
  std::vector<std::string> unknown() const;

  [[noreturn]] void missing(std::string_view key) const;
  [[noreturn]] void bad(std::string_view key, double value) const;

 private:
  bool is_array(const std::string& key) const;

  const Gguf& gguf_;
  std::string prefix_;
  bool required_;
  mutable std::set<std::string> asked_;
};

/// Sizes, the norm's epsilon, rotary keys and tensors (rope_freqs, rope_factors_long and _short), and from
/// the tensors that are there: tied embeddings, biases.
void read_usual_gguf_keys(const GgufKeys& keys, ModelConfig& config);

}  // namespace tessera::io
