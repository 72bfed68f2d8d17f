#pragma once
// Text of others in our messages: nothing that a terminal would obey, nothing that fills the screen.
#include <cstddef>
#include <string>
#include <string_view>

namespace tessera {

/// A name from a file for a one-line error: control and non-ASCII bytes become '?', long ones are cut.
std::string printable(std::string_view name);

/// A message in one line: line breaks and tabs become spaces, other control characters '?', the rest of UTF-8
/// stays. What is longer than `longest` bytes is cut between two characters.
std::string one_line(std::string_view text, std::size_t longest = std::string_view::npos);

}  // namespace tessera
