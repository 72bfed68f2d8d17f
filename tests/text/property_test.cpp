#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "text_data.hpp"
#include "util/utf8.hpp"

namespace tessera::text::test {
namespace {

void append_utf8(std::string& out, unsigned code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
    return;
  }
  const int tail = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  const unsigned lead = tail == 1 ? 0xC0u : tail == 2 ? 0xE0u : 0xF0u;
  out += static_cast<char>(lead | (code >> (6 * tail)));
  for (int i = tail - 1; i >= 0; --i) out += static_cast<char>(0x80u | ((code >> (6 * i)) & 0x3Fu));
}

rc::Gen<std::string> utf8_text() {
  const auto character = rc::gen::oneOf(
      rc::gen::inRange(0u, 0x80u), rc::gen::inRange(0x80u, 0x3000u), rc::gen::inRange(0x3000u, 0xD800u),
      rc::gen::inRange(0xE000u, 0x10000u), rc::gen::inRange(0x10000u, 0x110000u), rc::gen::just(0x20u));
  return rc::gen::map(rc::gen::container<std::vector<unsigned>>(character), [](const auto& codes) {
    std::string text;
    for (const unsigned code : codes) append_utf8(text, code);
    return text;
  });
}

const Tokenizer& shared(const std::string& name) {
  static const Tokenizer byte_bpe = test_tokenizer("byte_bpe");
  static const Tokenizer pieces = test_tokenizer("pieces");
  return name == "pieces" ? pieces : byte_bpe;
}

RC_GTEST_PROP(TokenizerProperty, ByteBpeDecodesWhatItEncoded, ()) {
  const std::string text = *utf8_text();
  RC_ASSERT(shared("byte_bpe").decode(shared("byte_bpe").encode(text), false) == text);
}

RC_GTEST_PROP(TokenizerProperty, PiecesDecodeWhatTheyEncoded, ()) {
  std::string text = *utf8_text();
  // U+2581 stands for the space itself, so it cannot come back.
  for (std::size_t at = 0; (at = text.find("\u2581")) != std::string::npos;) text.erase(at, 3);
  RC_ASSERT(shared("pieces").decode(shared("pieces").encode(text)) == text);
}

// Any ids at all, also such as no text encodes to.
RC_GTEST_PROP(StreamDecoderProperty, IsTheDecodeOfAllInWholeCharacters, ()) {
  const Tokenizer& tokenizer = shared(*rc::gen::element<std::string>("byte_bpe", "pieces"));
  const auto any_id =
      rc::gen::oneOf(rc::gen::inRange(0, 270), rc::gen::inRange(-2, tokenizer.vocab_size() + 2));
  const auto ids = *rc::gen::container<std::vector<int>>(any_id);
  StreamDecoder decoder(tokenizer);
  std::string text;
  for (const int id : ids) {
    const std::string part = decoder.push(id);
    RC_ASSERT(is_utf8(part));
    text += part;
  }
  text += decoder.finish();
  RC_ASSERT(text == tokenizer.decode(ids));
}

}  // namespace
}  // namespace tessera::text::test
