#pragma once
#include <string>
#include <string_view>

namespace tessera::report {

enum class Breaks { Keep, Show };

/// Text of a model or a file in a form that a page or a terminal can show and that cannot act on either:
/// bytes that are not UTF-8, C1 controls and direction overrides become U+FFFD, the other control characters
/// (so the escape of a terminal sequence, too) their pictures from U+2400. Newline and tab are kept or shown
/// alike.
std::string visible_text(std::string_view text, Breaks breaks = Breaks::Keep);

/// Characters (code points) of a UTF-8 text: its width on a terminal, but for wide and combining ones.
int character_count(std::string_view text);

}  // namespace tessera::report
