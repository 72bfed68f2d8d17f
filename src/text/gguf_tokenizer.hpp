#pragma once
// The Hugging Face tokenizer of a GGUF vocabulary.
#include <cstddef>
#include <string>

#include "io/checkpoint.hpp"

namespace tessera::text {

/// tokenizer.ggml.token_type
enum class TokenType { Normal = 1, Unknown = 2, Control = 3, UserDefined = 4, Unused = 5, Byte = 6 };

/// Normal when the file has no types.
TokenType token_type(const io::GgufVocab& vocab, std::size_t id);

/// The text of an equivalent tokenizer.json. Throws UserError for a tokenizer model or pre-tokenizer that is
/// not known, and for a vocabulary that no tokenizer can have (token twice, not UTF-8).
std::string tokenizer_json(const io::GgufVocab& vocab);

}  // namespace tessera::text
