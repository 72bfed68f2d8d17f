#include "util/printable.hpp"

namespace tessera {

std::string printable(std::string_view name) {
  constexpr std::size_t kLongest = 80;
  std::string text(name.substr(0, kLongest));
  for (char& c : text) {
    if (c < 0x20 || c > 0x7E) c = '?';
  }
  if (name.size() > kLongest) text += "...";
  return text;
}

std::string one_line(std::string_view text, std::size_t longest) {
  std::size_t end = text.size();
  if (end > longest) {
    end = longest;
    while (end != 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  }
  std::string line(text.substr(0, end));
  for (std::size_t i = 0; i < line.size(); ++i) {
    const auto c = static_cast<unsigned char>(line[i]);
    if (c == '\n' || c == '\r' || c == '\t')
      line[i] = ' ';
    else if (c < 0x20 || c == 0x7F)
      line[i] = '?';
    // U+0080 to U+009F: terminals obey some of them as they obey ESC.
    const bool control = c == 0xC2 && i + 1 < line.size() && static_cast<unsigned char>(line[i + 1]) < 0xA0;
    if (control) line[i] = line[i + 1] = '?';
  }
  return end < text.size() ? line + "..." : line;
}

}  // namespace tessera
