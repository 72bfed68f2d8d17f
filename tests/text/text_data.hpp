#pragma once
// The tokenizers and lines of tests/data/text, written by scripts/make_tokenizer_test_data.py.
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "text/tokenizer.hpp"
#include "util/error.hpp"

namespace tessera::text::test {

inline std::string read_data(const std::string& name) {
  std::ifstream in(std::string(TESSERA_TEST_DATA "/text/") + name, std::ios::binary);
  if (!in) throw std::runtime_error("no test data " + name);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

inline std::vector<std::string> test_lines() {
  return nlohmann::json::parse(read_data("lines.json"));
}

inline io::GgufVocab test_vocab(const std::string& name) {
  const auto json = nlohmann::json::parse(read_data(name + ".vocab.json"));
  io::GgufVocab vocab;
  json.at("model").get_to(vocab.model);
  json.at("pre").get_to(vocab.pre);
  json.at("tokens").get_to(vocab.tokens);
  json.at("token_types").get_to(vocab.token_types);
  json.at("scores").get_to(vocab.scores);
  json.at("merges").get_to(vocab.merges);
  json.at("bos_token_id").get_to(vocab.bos_token_id);
  json.at("eos_token_id").get_to(vocab.eos_token_id);
  json.at("unknown_token_id").get_to(vocab.unknown_token_id);
  vocab.add_bos_token = json.at("add_bos_token").get<bool>();
  json.at("add_space_prefix").get_to(vocab.add_space_prefix);
  return vocab;
}

inline Tokenizer from_vocab(io::GgufVocab vocab) {
  io::TokenizerFiles files;
  files.vocab = std::move(vocab);
  return Tokenizer(files);
}

inline Tokenizer from_json(std::string json) {
  io::TokenizerFiles files;
  files.tokenizer_json = std::move(json);
  return Tokenizer(files);
}

/// "byte_bpe" or "pieces", from its vocabulary.
inline Tokenizer test_tokenizer(const std::string& name) {
  return from_vocab(test_vocab(name));
}

/// The text of the UserError that `body` throws; empty when it throws none.
template <class Body>
std::string user_error(Body&& body) {
  try {
    body();
  } catch (const UserError& error) {
    return error.what();
  }
  return {};
}

}  // namespace tessera::text::test
