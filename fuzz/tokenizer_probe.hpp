#pragma once
// What any tokenizer must survive, and one thing that it must give: the stream's text is the whole text.
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.hpp"
#include "util/error.hpp"

/// Whether it does.
inline bool probe_tokenizer(const tessera::text::Tokenizer& tokenizer, std::string_view text) {
  std::vector<int> ids = tokenizer.encode(text);
  for (int id = 0; id < 64; ++id) ids.push_back((id * 7) % 67);
  tessera::text::StreamDecoder decoder(tokenizer);
  std::string streamed;
  for (const int id : ids) streamed += decoder.push(id);
  streamed += decoder.finish();
  tokenizer.token_id(text);
  tokenizer.decode(ids, false);
  return streamed == tokenizer.decode(ids);
}
