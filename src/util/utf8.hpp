#pragma once
// The little that C++ needs to know about UTF-8; whoever needs more asks the text room.
#include <cstddef>
#include <string_view>

namespace tessera {

/// U+FFFD, which stands for bytes that are not UTF-8.
inline constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// Bytes of the well-formed character at the start of `text` (Unicode 15, table 3-7); 0 if there is none.
std::size_t character_bytes(std::string_view text);

bool is_utf8(std::string_view text);

}  // namespace tessera
