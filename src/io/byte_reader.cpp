#include "io/byte_reader.hpp"

namespace tessera::io {

std::string printable(std::string_view name) {
  constexpr std::size_t kLongest = 80;
  std::string text(name.substr(0, kLongest));
  for (char& c : text) {
    if (c < 0x20 || c > 0x7E) c = '?';
  }
  if (name.size() > kLongest) text += "...";
  return text;
}

}  // namespace tessera::io
