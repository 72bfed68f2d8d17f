#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tessera::metrics {

/// 1 - Levenshtein distance / longer length, on bytes: 1 for equal texts. Only the first 4096 bytes count.
double text_similarity(std::string_view a, std::string_view b);

/// The first position at which the token lists differ, or -1 when one is a prefix of the other and they are
/// equally long.
int first_divergence(std::span<const std::int32_t> a, std::span<const std::int32_t> b);

/// What makes a generated text useless.
enum class Defect { None, Nothing, Unprintable, Repetition };

struct TextDefect {
  Defect kind = Defect::None;
  std::string text;  // "3 tokens repeat over and over"; empty when there is none
};

/// Nothing printed, mostly unprintable characters, one token or a short phrase over and over.
TextDefect text_defect(std::string_view text, std::span<const std::int32_t> tokens);

}  // namespace tessera::metrics
