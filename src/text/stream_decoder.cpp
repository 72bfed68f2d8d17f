#include "text/tokenizer.hpp"
#include "util/utf8.hpp"

namespace tessera::text {

// Decoding a token alone would lose its leading space (SentencePiece) or split a character, so a window of
// the last two chunks is decoded: the chunk before gives the context, its text is already out. A chunk ends
// where the text is final and not empty; a chunk without text would not keep the next one's leading space.

StreamDecoder::StreamDecoder(const Tokenizer& tokenizer) : tokenizer_(&tokenizer) {}

std::string StreamDecoder::push(int id) {
  window_.push_back(id);
  std::string text = tokenizer_->decode(window_);
  // A run of byte tokens is judged as a whole: one byte too many and all of it becomes U+FFFD. It is over at
  // the first token that adds other text.
  if (tokenizer_->is_byte_token(id)) {
    in_bytes_ = true;
  } else if (text != text_) {
    in_bytes_ = false;
  }
  text_ = std::move(text);
  if (in_bytes_) return {};
  const bool incomplete = std::string_view(text_).ends_with(kReplacement);
  std::string fresh = take(text_.size() - (incomplete ? kReplacement.size() : 0));
  if (!incomplete && text_.size() > chunk_text_) start_chunk();
  return fresh;
}

std::string StreamDecoder::finish() {
  std::string rest = take(text_.size());
  *this = StreamDecoder(*tokenizer_);
  return rest;
}

std::string StreamDecoder::take(std::size_t end) {
  if (end <= returned_) return {};
  std::string fresh = text_.substr(returned_, end - returned_);
  returned_ = end;
  return fresh;
}

void StreamDecoder::start_chunk() {
  window_.erase(window_.begin(), window_.begin() + static_cast<std::ptrdiff_t>(chunk_));
  chunk_ = window_.size();
  text_ = tokenizer_->decode(window_);
  returned_ = chunk_text_ = text_.size();
}

}  // namespace tessera::text
