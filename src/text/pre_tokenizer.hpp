#pragma once
// The parts of a byte-level BPE tokenizer that a GGUF file gives only by name (tokenizer.ggml.pre).
#include <string>
#include <string_view>

namespace tessera::text {

struct PreTokenizer {
  std::string normalizer;     // JSON of tokenizer.json's `normalizer`
  std::string pre_tokenizer;  // JSON of `pre_tokenizer`
  bool ignore_merges;         // a word that is a token is taken whole
  bool add_bos;               // BOS in front when the file has no tokenizer.ggml.add_bos_token
};

/// Throws UserError that names `pre` when it is not known.
PreTokenizer find_pre_tokenizer(std::string_view pre);

}  // namespace tessera::text
