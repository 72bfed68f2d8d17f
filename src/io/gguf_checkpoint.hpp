#pragma once
#include <filesystem>
#include <memory>

#include "io/checkpoint.hpp"

namespace tessera::io {

/// A GGUF file as a checkpoint. Throws UserError.
std::unique_ptr<Checkpoint> open_gguf_checkpoint(const std::filesystem::path& path,
                                                 FamilyFormats formats = {});

/// The same over bytes that the caller keeps alive (tests, fuzzing); it has no content hash.
std::unique_ptr<Checkpoint> parse_gguf_checkpoint(std::span<const std::byte> bytes, std::string file,
                                                  FamilyFormats formats = {});

}  // namespace tessera::io
