#pragma once
// TT-Transformers' reference outputs (`<model>.refpt`): torch.save of {"top5_tokens": int64 [N - 1 or N, 5],
// "reference_tokens": int64 [1, N]}. Row i of top5 is what the reference expects after tokens 0..i.
#include <array>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace tessera::io {

struct ReferenceTokens {
  std::vector<std::int32_t> tokens;               // [N]
  std::vector<std::array<std::int32_t, 5>> top5;  // [N - 1 or N]
};

/// Throws UserError for anything malformed.
ReferenceTokens read_refpt(const std::filesystem::path& path);
ReferenceTokens parse_refpt(std::span<const std::byte> bytes, const std::string& file);

}  // namespace tessera::io
