#include "generate/conversation.hpp"

#include <algorithm>
#include <utility>

#include "util/error.hpp"

namespace tessera::generate {

Conversation::Conversation(Generator& generator, const text::Tokenizer& tokenizer,
                           const io::TokenizerFiles& files, ConversationOptions options)
    : generator_(generator),
      tokenizer_(tokenizer),
      template_(files.chat_template, files.bos_token, files.eos_token),
      options_(std::move(options)) {
  check(!files.chat_template.empty(),
        "chat: the checkpoint has no chat template: continue plain text with `tessera generate MODEL --raw`");
  reset();
}

void Conversation::reset() {
  messages_.clear();
  if (!options_.system.empty()) messages_.push_back({"system", options_.system});
}

std::vector<std::int32_t> Conversation::encode_history() const {
  // The template writes the special tokens itself.
  return tokenizer_.encode(template_.render(messages_), false);
}

std::size_t Conversation::common_pages(const std::vector<std::int32_t>& prompt) const {
  const nn::KvCacheConfig& cache = generator_.cache().config();
  if (cache.block_size == 0 || prompt.empty()) return 0;
  // The last token runs in any case: its logits are wanted.
  const std::size_t limit = std::min(cached_.size(), prompt.size() - 1);
  std::size_t same = 0;
  while (same < limit && cached_[same] == prompt[same]) ++same;
  return same - same % static_cast<std::size_t>(cache.block_size);
}

Result Conversation::reply(const std::string& message,
                           const std::function<bool(const std::string& text)>& on_text) {
  messages_.push_back({"user", message});
  Request request;
  try {
    request.prompt = encode_history();
    const auto context = static_cast<std::size_t>(generator_.context());
    check(
        request.prompt.size() < context,
        "chat: the conversation has {} tokens with this message, the context {}: shorten the message, begin "
        "anew with /reset, or start with a larger --context",
        request.prompt.size(), context);
  } catch (...) {
    messages_.pop_back();
    throw;
  }
  request.max_new_tokens = options_.max_new_tokens;
  request.sampling = options_.sampling;
  request.stop_ids = options_.stop_ids;
  request.cached = common_pages(request.prompt);
  reused_ = request.cached;

  text::StreamDecoder decoder(tokenizer_);
  std::string answer;
  const auto on_token = [&](int, std::int32_t id) {
    const std::string piece = decoder.push(id);
    answer += piece;
    return on_text(piece);
  };
  // Until the turn is over nothing beyond the common part is known to be in the cache.
  cached_.resize(request.cached);
  Result result;
  try {
    result = generate(generator_, std::span(&request, 1), on_token)[0];
  } catch (...) {
    messages_.pop_back();
    throw;
  }
  const std::string rest = decoder.finish();
  if (!rest.empty()) on_text(rest);
  messages_.push_back({"assistant", answer + rest});
  // The last token of an answer may not have been fed.
  cached_ = std::move(request.prompt);
  if (!result.tokens.empty()) cached_.insert(cached_.end(), result.tokens.begin(), result.tokens.end() - 1);
  return result;
}

}  // namespace tessera::generate
