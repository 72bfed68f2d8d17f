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
  /// Throws UserError when it is not UTF-8.
  std::vector<int> encode(std::string_view text, bool add_special_tokens = true) const;
  /// Ids outside the vocabulary have no text; bytes that are not UTF-8 become U+FFFD.
  std::string decode(std::span<const int> ids, bool skip_special_tokens = true) const;
  int vocab_size() const;
  /// -1 when the text is not one token.
  int token_id(std::string_view token) const;
  /// A token that stands for one byte of a character outside the vocabulary ("<0x0A>", SentencePiece).
  bool is_byte_token(int id) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Decodes a stream of tokens; returns only whole characters, so a character split over tokens is printed
/// once complete. All that push and finish return is together what Tokenizer::decode gives for all ids.
class StreamDecoder {
 public:
  /// `tokenizer` must outlive this.
  explicit StreamDecoder(const Tokenizer& tokenizer);
  /// Text that became final with this token; may be empty.
  std::string push(int id);
  /// What is still held back (an incomplete character becomes U+FFFD); ready for another stream afterwards.
  std::string finish();

 private:
  std::string take(std::size_t end);
  void start_chunk();

  const Tokenizer* tokenizer_;
  std::vector<int> window_;     // the chunk before and the chunk under way
  std::string text_;            // of the window
  std::size_t chunk_ = 0;       // first token of the chunk under way
  std::size_t chunk_text_ = 0;  // bytes of text_ before it
  std::size_t returned_ = 0;    // bytes of text_ that were returned
  bool in_bytes_ = false;       // the last token with text was a byte token
};

struct Message {
  std::string role, content;
};

/// A Hugging Face chat template (Jinja).
class ChatTemplate {
 public:
  /// Throws UserError on a template that does not parse. An empty source is a checkpoint without a template.
  ChatTemplate(std::string source, std::string bos_token, std::string eos_token);
  /// The prompt. Throws UserError with the template's own message when it refuses the messages
  /// (raise_exception), and when there is no template.
  std::string render(std::span<const Message> messages, bool add_generation_prompt = true) const;

 private:
  std::string source_, bos_token_, eos_token_;
};

}  // namespace tessera::text
