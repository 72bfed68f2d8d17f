#pragma once
#include <optional>
#include <string>

#include "io/golden.hpp"

namespace tessera::verify {

struct FoundGolden {
  io::Golden golden;
  std::string sha256;  // of the file
};

/// The golden file to hold the reference against: `file` when given, else one from the golden folders
/// ($TESSERA_GOLDENS, separated by colons, then share/tessera/golden beside the program's bin) whose content
/// hash is the checkpoint's. Nothing when there is none. A file of these folders that cannot be read is left
/// out with a line on stderr; UserError when `file` cannot be.
std::optional<FoundGolden> find_golden(const std::string& file, const std::string& content_hash);

}  // namespace tessera::verify
