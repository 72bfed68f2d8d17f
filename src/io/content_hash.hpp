#pragma once
// SHA-256 of files, remembered in <cache_folder>/hashes.json by path, size, modification time and inode.
#include <filesystem>
#include <span>
#include <string>

namespace tessera::io {

/// Hex, from the bytes as they are now. Shows a progress bar, can be interrupted. Throws UserError when the
/// file cannot be read.
std::string compute_sha256(const std::filesystem::path& path);

/// The same with the memory. A cache that cannot be read or written only costs time.
/// Throws UserError when the file cannot be read.
std::string file_sha256(const std::filesystem::path& path);

/// The hash of the lines "<file name> <file_sha256>\n", sorted by name: one value for the files of a folder.
std::string files_sha256(std::span<const std::filesystem::path> files);

}  // namespace tessera::io
