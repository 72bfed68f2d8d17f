// A small GGUF vocabulary as lines: model, pre, flags (b: BOS, s: space prefix), then "t<type><score>token"
// and "mmerge" and one line "xtext" to encode. Built and used, or a UserError; the streamed text must be the
// whole text.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "tokenizer_probe.hpp"

namespace {

std::string_view next_line(std::string_view& input) {
  const std::size_t end = input.find('\n');
  const std::string_view line = input.substr(0, end);
  input.remove_prefix(end == input.npos ? input.size() : end + 1);
  return line;
}

void add_line(tessera::io::GgufVocab& vocab, std::string_view line, std::string& text) {
  if (line.starts_with("m")) vocab.merges.emplace_back(line.substr(1));
  if (line.starts_with("x")) text = line.substr(1);
  if (line.starts_with("t") && line.size() >= 3) {
    vocab.token_types.push_back(line[1] - '0');
    vocab.scores.push_back(static_cast<float>(line[2]));
    vocab.tokens.emplace_back(line.substr(3));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  tessera::io::GgufVocab vocab;
  std::string text;
  vocab.model = next_line(input);
  vocab.pre = next_line(input);
  const std::string_view flags = next_line(input);
  vocab.add_bos_token = flags.find('b') != flags.npos;
  vocab.add_space_prefix = flags.find('s') != flags.npos;
  vocab.bos_token_id = 1;
  while (!input.empty()) add_line(vocab, next_line(input), text);
  try {
    tessera::io::TokenizerFiles files;
    files.vocab = std::move(vocab);
    const tessera::text::Tokenizer tokenizer(files);
    if (!probe_tokenizer(tokenizer, text)) std::abort();
  } catch (const tessera::UserError&) {
  }
  return 0;
}
