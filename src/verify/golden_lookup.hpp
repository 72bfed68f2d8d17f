#pragma once
#include <optional>
#include <string>

#include "io/golden.hpp"

namespace tessera::verify {

/// The golden file to hold the reference against: `file` when given, else one from the golden folders
/// ($TESSERA_GOLDENS, share/tessera/golden beside the program's bin) whose content hash is the checkpoint's.
/// Nothing when there is none.
std::optional<io::Golden> find_golden(const std::string& file, const std::string& content_hash);

}  // namespace tessera::verify
