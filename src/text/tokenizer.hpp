#pragma once
// Text to tokens and back: the C++ face of Hugging Face `tokenizers` and `minijinja` (rust/).
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/checkpoint.hpp"

namespace tessera::text {

class Tokenizer {
 public:
  /// From a tokenizer.json or from a GGUF vocabulary. Throws UserError when it is malformed.
  explicit Tokenizer(const io::TokenizerFiles& files);
  ~Tokenizer();
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;

  /// Token ids of UTF-8 text. With `add_special_tokens` the tokenizer's own template (e.g. BOS) is applied.
  std::vector<int> encode(std::string_view text, bool add_special_tokens = true) const;
  std::string decode(std::span<const int> ids, bool skip_special_tokens = true) const;
  int vocab_size() const;
  /// -1 when the text is not one token.
  int token_id(std::string_view token) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Decodes a stream of tokens; returns only whole characters, so a character split over tokens is printed once complete.
class StreamDecoder {
 public:
  explicit StreamDecoder(const Tokenizer& tokenizer);
  /// Text that became final with this token; may be empty.
  std::string push(int id);
  /// What is still held back (an incomplete character becomes U+FFFD).
  std::string finish();

 private:
  const Tokenizer* tokenizer_;
  std::vector<int> ids_;
  std::size_t prefix_ = 0;  // first token of the window that is decoded again
  std::size_t read_ = 0;    // tokens whose text has been returned
};

struct Message {
  std::string role, content;
};

/// A Hugging Face chat template (Jinja).
class ChatTemplate {
 public:
  /// Throws UserError on a template that does not parse.
  ChatTemplate(std::string source, std::string bos_token, std::string eos_token);
  std::string render(std::span<const Message> messages, bool add_generation_prompt = true) const;

 private:
  std::string source_, bos_token_, eos_token_;
};

}  // namespace tessera::text
