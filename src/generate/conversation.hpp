#pragma once
// A chat of many turns with one model. The keys and values of what earlier turns have in common with the next
// prompt stay in the cache: a turn prefills only what is new, from the last whole page on.
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "generate/generate_text.hpp"

namespace tessera::generate {

struct ConversationOptions {
  std::string system;        // the system message; empty: none
  int max_new_tokens = 512;  // of an answer
  SamplingParams sampling;
  std::vector<std::int32_t> stop_ids;
};

class Conversation {
 public:
  /// Both must outlive this. Throws UserError when the checkpoint has no chat template.
  Conversation(Generator& generator, const text::Tokenizer& tokenizer, const io::TokenizerFiles& files,
               ConversationOptions options);

  /// Answers a message, streamed in whole characters; false from `on_text` stops the answer. The answer, as
  /// far as it came, is part of the history. Throws UserError, and leaves the conversation as it was, when
  /// the history with this message does not fit into the context: no turn is dropped silently.
  Result reply(const std::string& message, const std::function<bool(const std::string& text)>& on_text);

  /// Forgets every turn; the system message stays.
  void reset();

  /// Tokens that the last turn did not have to prefill.
  std::size_t reused_tokens() const { return reused_; }
  const std::vector<text::Message>& messages() const { return messages_; }

 private:
  std::vector<std::int32_t> encode_history() const;
  std::size_t common_pages(const std::vector<std::int32_t>& prompt) const;

  Generator& generator_;
  const text::Tokenizer& tokenizer_;
  text::ChatTemplate template_;
  ConversationOptions options_;
  std::vector<text::Message> messages_;
  std::vector<std::int32_t> cached_;  // the tokens whose keys and values the cache holds
  std::size_t reused_ = 0;
};

}  // namespace tessera::generate
