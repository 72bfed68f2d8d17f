#include "report/visible_text.hpp"

#include <algorithm>

#include "util/utf8.hpp"

namespace tessera::report {
namespace {

// The picture of a C0 control or of DEL: U+2400 + code, U+2421.
void append_picture(std::string& out, unsigned char code) {
  out += "\xE2\x90";
  out += static_cast<char>(0x80 + (code == 0x7F ? 0x21 : code));
}

// C1 controls (U+0080 to U+009F, CSI among them) and the marks that reorder what stands beside them
// (U+202A to U+202E, U+2066 to U+2069).
bool acts_unseen(std::string_view character) {
  const auto last = static_cast<unsigned char>(character.back());
  if (character.size() == 2) return character[0] == '\xC2' && last < 0xA0;
  if (character.starts_with("\xE2\x80")) return last >= 0xAA && last <= 0xAE;
  if (character.starts_with("\xE2\x81")) return last >= 0xA6 && last <= 0xA9;
  return false;
}

}  // namespace

std::string visible_text(std::string_view text, Breaks breaks) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t size = character_bytes(text);
    const std::string_view character = text.substr(0, std::max<std::size_t>(size, 1));
    const auto code = static_cast<unsigned char>(character[0]);
    const bool kept_break = breaks == Breaks::Keep && (code == '\n' || code == '\t');
    text.remove_prefix(character.size());
    if (size == 0 || acts_unseen(character)) {
      out += kReplacement;
    } else if (!kept_break && (code < 0x20 || code == 0x7F)) {
      append_picture(out, code);
    } else {
      out += character;
    }
  }
  return out;
}

int character_count(std::string_view text) {
  return static_cast<int>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace tessera::report
