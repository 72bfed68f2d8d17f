#include "text/gguf_tokenizer.hpp"

#include <fmt/format.h>

#include <iterator>
#include <nlohmann/json.hpp>
#include <string_view>
#include <unordered_map>

#include "text/piece_merges.hpp"
#include "text/pre_tokenizer.hpp"
#include "util/error.hpp"
#include "util/printable.hpp"
#include "util/utf8.hpp"

namespace tessera::text {

namespace {

using Json = nlohmann::json;

// Splitting a piece is quadratic in its length; the longest in use have some 50 bytes.
constexpr std::size_t kMaxTokenBytes = 4096;
constexpr std::string_view kBlank = "\xE2\x96\x81";  // U+2581, SentencePiece's space

void check_tokens(const io::GgufVocab& vocab) {
  check(!vocab.tokens.empty(), "GGUF tokenizer: 0 tokens: get the file again");
  std::unordered_map<std::string_view, std::size_t> seen;
  seen.reserve(vocab.tokens.size());
  for (std::size_t i = 0; i < vocab.tokens.size(); ++i) {
    const std::string& token = vocab.tokens[i];
    check(token.size() <= kMaxTokenBytes,
          "GGUF tokenizer: token {} has {} bytes, at most {}: get the file again", i, token.size(),
          kMaxTokenBytes);
    check(is_utf8(token), "GGUF tokenizer: token {} is not UTF-8: get the file again", i);
    const auto [it, fresh] = seen.emplace(token, i);
    check(fresh, "GGUF tokenizer: tokens {} and {} are both '{}': get the file again", it->second, i,
          printable(token));
  }
}

// Written by hand and not as a Json tree: 50,000 tokens and as many merges are most of the time to start.
void append_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  out += '"';
}

std::string vocab_json(const io::GgufVocab& vocab) {
  std::string out = "{";
  for (std::size_t i = 0; i < vocab.tokens.size(); ++i) {
    if (i != 0) out += ',';
    append_string(out, vocab.tokens[i]);
    fmt::format_to(std::back_inserter(out), ":{}", i);
  }
  return out + "}";
}

std::string stored_merges_json(const io::GgufVocab& vocab) {
  std::string out = "[";
  for (std::size_t i = 0; i < vocab.merges.size(); ++i) {
    check(is_utf8(vocab.merges[i]), "GGUF tokenizer: merge {} is not UTF-8: get the file again", i);
    if (i != 0) out += ',';
    append_string(out, vocab.merges[i]);
  }
  return out + "]";
}

std::string piece_merges_json(const io::GgufVocab& vocab) {
  std::string out = "[";
  for (const auto& merge : piece_merges(vocab)) {
    out += out.size() == 1 ? "[" : ",[";
    append_string(out, merge.left);
    out += ',';
    append_string(out, merge.right);
    out += ']';
  }
  return out + "]";
}

Json added_tokens(const io::GgufVocab& vocab) {
  Json added = Json::array();
  for (std::size_t i = 0; i < vocab.tokens.size(); ++i) {
    const TokenType type = token_type(vocab, i);
    const bool special = type == TokenType::Control || type == TokenType::Unknown;
    if (!special && type != TokenType::UserDefined) continue;
    added.push_back({{"id", i},
                     {"content", vocab.tokens[i]},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", special}});
  }
  return added;
}

/// Puts the BOS token in front when the file asks for it, or says nothing and `otherwise` does.
Json post_processor(const io::GgufVocab& vocab, bool otherwise) {
  if (!vocab.add_bos_token.value_or(otherwise) || vocab.bos_token_id < 0) return nullptr;
  const auto id = static_cast<std::size_t>(vocab.bos_token_id);
  check(id < vocab.tokens.size(), "GGUF tokenizer: BOS token {} of {} tokens: get the file again", id,
        vocab.tokens.size());
  const std::string& bos = vocab.tokens[id];
  const Json bos_item = {{"SpecialToken", {{"id", bos}, {"type_id", 0}}}};
  const auto text_item = [](const char* name) { return Json{{"Sequence", {{"id", name}, {"type_id", 0}}}}; };
  return {
      {"type", "TemplateProcessing"},
      {"single", Json::array({bos_item, text_item("A")})},
      {"pair", Json::array({bos_item, text_item("A"), text_item("B")})},
      {"special_tokens", {{bos, {{"id", bos}, {"ids", Json::array({id})}, {"tokens", Json::array({bos})}}}}}};
}

/// The parts of a tokenizer.json that differ, each as JSON.
struct Parts {
  std::string normalizer, pre_tokenizer, decoder, merges;
  bool ignore_merges = false, byte_fallback = false;
  bool add_bos = false;  // where the file does not say
  Json unknown = nullptr;
};

Parts byte_level_parts(const io::GgufVocab& vocab) {
  PreTokenizer pre = find_pre_tokenizer(vocab.pre);
  return {.normalizer = std::move(pre.normalizer),
          .pre_tokenizer = std::move(pre.pre_tokenizer),
          .decoder = R"({"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true})",
          .merges = stored_merges_json(vocab),
          .ignore_merges = pre.ignore_merges,
          .add_bos = pre.add_bos};
}

Json unknown_token(const io::GgufVocab& vocab) {
  for (std::size_t i = 0; i < vocab.tokens.size(); ++i) {
    if (token_type(vocab, i) == TokenType::Unknown) return vocab.tokens[i];
  }
  const auto id = static_cast<std::size_t>(vocab.unknown_token_id);
  return vocab.unknown_token_id >= 0 && id < vocab.tokens.size() ? Json(vocab.tokens[id]) : Json(nullptr);
}

Parts sentencepiece_parts(const io::GgufVocab& vocab) {
  Json normalizers =
      Json::array({{{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", kBlank}}});
  Json decoders = Json::array({{{"type", "Replace"}, {"pattern", {{"String", kBlank}}}, {"content", " "}},
                               {{"type", "ByteFallback"}},
                               {{"type", "Fuse"}}});
  if (vocab.add_space_prefix) {
    normalizers.insert(normalizers.begin(), Json{{"type", "Prepend"}, {"prepend", kBlank}});
    decoders.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  }
  return {.normalizer = Json{{"type", "Sequence"}, {"normalizers", std::move(normalizers)}}.dump(),
          .pre_tokenizer = "null",
          .decoder = Json{{"type", "Sequence"}, {"decoders", std::move(decoders)}}.dump(),
          .merges = piece_merges_json(vocab),
          .byte_fallback = true,
          .add_bos = true,
          .unknown = unknown_token(vocab)};
}

Parts model_parts(const io::GgufVocab& vocab) {
  if (vocab.model == "gpt2") return byte_level_parts(vocab);
  if (vocab.model == "llama") return sentencepiece_parts(vocab);
  fail_user("GGUF tokenizer: model '{}' is not one of gpt2 llama: use the model's Hugging Face folder",
            printable(vocab.model));
}

}  // namespace

TokenType token_type(const io::GgufVocab& vocab, std::size_t id) {
  return id < vocab.token_types.size() ? static_cast<TokenType>(vocab.token_types[id]) : TokenType::Normal;
}

std::string tokenizer_json(const io::GgufVocab& vocab) {
  check_tokens(vocab);
  const Parts parts = model_parts(vocab);
  std::string json = fmt::format(
      R"({{"version":"1.0","truncation":null,"padding":null,"added_tokens":{},"normalizer":{},"pre_tokenizer":{},)"
      R"("post_processor":{},"decoder":{},"model":{{"type":"BPE","dropout":null,"unk_token":{},)"
      R"("continuing_subword_prefix":null,"end_of_word_suffix":null,"fuse_unk":{},"byte_fallback":{},)"
      R"("ignore_merges":{},"vocab":)",
      added_tokens(vocab).dump(), parts.normalizer, parts.pre_tokenizer,
      post_processor(vocab, parts.add_bos).dump(), parts.decoder, parts.unknown.dump(), parts.byte_fallback,
      parts.byte_fallback, parts.ignore_merges);
  json += vocab_json(vocab);
  json += R"(,"merges":)";
  json += parts.merges;
  json += "}}";
  return json;
}

}  // namespace tessera::text
