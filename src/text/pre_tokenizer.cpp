#include "text/pre_tokenizer.hpp"

#include <fmt/format.h>

#include <iterator>
#include <nlohmann/json.hpp>

#include "util/error.hpp"
#include "util/printable.hpp"

namespace tessera::text {

namespace {

using Json = nlohmann::json;

enum class Split {
  Gpt2,    // the split that ByteLevel has built in
  Digits,  // every digit alone, then as GPT-2
  Regex,   // the entry's own expression
};

struct Entry {
  std::string_view name;
  Split split;
  std::string_view digits;  // Regex: how numbers are split
  bool compose;             // Unicode NFC first
  bool ignore_merges;
  bool add_bos;  // where the file does not say; llama.cpp's table, and llama.cpp writes the files
};

// One line a name. Each says what the tokenizer.json of the models with that name says.
constexpr Entry kEntries[] = {
    {"", Split::Gpt2, "", false, false, false},  // files from before the key existed
    {"default", Split::Gpt2, "", false, false, false},
    {"gpt-2", Split::Gpt2, "", false, false, false},
    {"phi-2", Split::Gpt2, "", false, false, false},
    {"mpt", Split::Gpt2, "", true, false, false},
    {"smollm", Split::Digits, "", false, false, false},
    {"starcoder", Split::Digits, "", false, false, false},
    {"refact", Split::Digits, "", false, false, false},
    {"command-r", Split::Digits, "", true, false, false},
    {"llama-bpe", Split::Regex, R"(\p{N}{1,3})", false, true, true},
    {"llama3", Split::Regex, R"(\p{N}{1,3})", false, true, true},
    {"llama-v3", Split::Regex, R"(\p{N}{1,3})", false, true, true},
    {"smaug-bpe", Split::Regex, R"(\p{N}{1,3})", false, true, false},
    {"qwen2", Split::Regex, R"(\p{N})", true, false, false},
    {"deepseek-r1-qwen", Split::Regex, R"(\p{N})", true, false, false},
};

/// The split of Llama 3 and Qwen 2: contractions, words with one leading sign or space, numbers, signs,
/// blanks.
std::string word_expression(std::string_view digits) {
  constexpr std::string_view kContractions = R"((?i:'s|'t|'re|'ve|'m|'ll|'d))";
  constexpr std::string_view kWord = R"([^\r\n\p{L}\p{N}]?\p{L}+)";
  constexpr std::string_view kSigns = R"( ?[^\s\p{L}\p{N}]+[\r\n]*)";
  constexpr std::string_view kBlanks = R"(\s*[\r\n]+|\s+(?!\S)|\s+)";
  return fmt::format("{}|{}|{}|{}|{}", kContractions, kWord, digits, kSigns, kBlanks);
}

Json byte_level(bool use_regex) {
  return {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", use_regex}};
}

Json sequence(Json first, Json second) {
  return {{"type", "Sequence"}, {"pretokenizers", Json::array({std::move(first), std::move(second)})}};
}

Json pre_tokenizer_json(const Entry& entry) {
  switch (entry.split) {
    case Split::Gpt2:
      return byte_level(true);
    case Split::Digits:
      return sequence({{"type", "Digits"}, {"individual_digits", true}}, byte_level(true));
    case Split::Regex:
      return sequence({{"type", "Split"},
                       {"pattern", {{"Regex", word_expression(entry.digits)}}},
                       {"behavior", "Isolated"},
                       {"invert", false}},
                      byte_level(false));
  }
  return nullptr;
}

}  // namespace

PreTokenizer find_pre_tokenizer(std::string_view pre) {
  std::string known;
  for (const auto& entry : kEntries) {
    if (entry.name == pre) {
      const Json normalizer = entry.compose ? Json{{"type", "NFC"}} : Json(nullptr);
      return {normalizer.dump(), pre_tokenizer_json(entry).dump(), entry.ignore_merges, entry.add_bos};
    }
    if (!entry.name.empty())
      fmt::format_to(std::back_inserter(known), "{}{}", known.empty() ? "" : " ", entry.name);
  }
  fail_user("GGUF tokenizer: pre-tokenizer '{}' is not one of {}: use the model's Hugging Face folder",
            printable(pre), known);
}

}  // namespace tessera::text
