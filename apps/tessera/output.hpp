#pragma once
// Standard output of every command. Each call reaches the file or pipe before it returns, so that a full disk
// is an error with a line of its own and not a short file.
#include <nlohmann/json_fwd.hpp>
#include <string_view>

namespace tessera::cli {

/// The reader of standard output went away (`tessera ... | head`): nothing to report, nothing more to do.
struct OutputClosed {};

/// Throws OutputClosed, or SystemError when the text could not be written.
void write_out(std::string_view text);

/// One JSON document and a newline. Bytes that are not UTF-8 (a byte token) become U+FFFD.
void write_json(const nlohmann::ordered_json& json);

/// Pushes out what was printed otherwise. Throws as write_out.
void flush_out();

}  // namespace tessera::cli
