#pragma once
// Zip archives whose entries are stored, not compressed (what torch.save writes; PKWARE APPNOTE 6.3).
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace tessera::io {

/// Name of each entry and its bytes, which point into `bytes`. Throws UserError for anything damaged,
/// compressed, encrypted or of zip64 size. `file` names the bytes in errors.
std::map<std::string_view, std::span<const std::byte>> read_stored_zip(std::span<const std::byte> bytes,
                                                                       std::string_view file);

}  // namespace tessera::io
