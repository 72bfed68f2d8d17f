#include "io/gguf_config.hpp"

#include <algorithm>
#include <limits>

#include "io/byte_reader.hpp"
#include "io/gguf_keys.hpp"
#include "util/error.hpp"

namespace tessera::io {
namespace {

int token_id(const Gguf& gguf, std::string_view name) {
  const std::string key = "tokenizer.ggml." + std::string(name);
  const auto value = gguf.integer(key);
  if (!value || *value == -1 || *value == 0xFFFFFFFF) return -1;  // both are written for "none"
  if (*value < 0 || *value > std::numeric_limits<int>::max()) {
    fail_user("{} is damaged: {} is {}: get the file again", gguf.file(), key, *value);
  }
  return static_cast<int>(*value);
}

}  // namespace

ModelConfig read_gguf_config(const Gguf& gguf, FamilyFormats formats) {
  const auto name = gguf.text("general.architecture");
  if (!name)
    fail_user("{} is not a language model: metadata 'general.architecture' is missing: use another file",
              gguf.file());
  const bool experts = gguf.integer(std::string(*name) + ".expert_count").value_or(0) > 0;
  const FamilyFormat* family = find_gguf_format(formats, *name, experts);
  const GgufKeys keys(gguf, std::string(*name), family != nullptr);

  ModelConfig config;
  config.architecture = std::string(family != nullptr ? family->architecture : *name);
  config.model_type = std::string(family != nullptr ? family->model_type : *name);
  config.rope_form = family != nullptr ? family->gguf.rope_form : RopeForm::Halves;
  if (family != nullptr && family->gguf.read != nullptr)
    family->gguf.read(keys, config);
  else
    read_usual_gguf_keys(keys, config);
  if (family != nullptr) config.other_arithmetic = keys.unknown();
  config.bos_token_id = token_id(gguf, "bos_token_id");
  for (const std::string_view key : {"eos_token_id", "eot_token_id"}) {
    const int id = token_id(gguf, key);
    auto& ids = config.eos_token_ids;
    if (id >= 0 && std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
  }
  return config;
}

TokenizerFiles read_gguf_tokenizer(const Gguf& gguf) {
  const auto model = gguf.text("tokenizer.ggml.model");
  auto tokens = gguf.texts("tokenizer.ggml.tokens");
  if (!model || !tokens || tokens->empty()) {
    fail_user("{} has no tokenizer: metadata 'tokenizer.ggml.{}' is missing: use a file with its vocabulary",
              gguf.file(), model ? "tokens" : "model");
  }
  GgufVocab vocab;
  vocab.model = std::string(*model);
  vocab.pre = std::string(gguf.text("tokenizer.ggml.pre").value_or(""));
  vocab.tokens = std::move(*tokens);
  vocab.token_types = gguf.integers("tokenizer.ggml.token_type").value_or(std::vector<std::int32_t>{});
  vocab.scores = gguf.floats("tokenizer.ggml.scores").value_or(std::vector<float>{});
  vocab.merges = gguf.texts("tokenizer.ggml.merges").value_or(std::vector<std::string>{});
  for (const auto& [what, size] :
       {std::pair{"token_type", vocab.token_types.size()}, std::pair{"scores", vocab.scores.size()}}) {
    if (size != 0 && size != vocab.tokens.size()) {
      fail_user("{} is damaged: tokenizer.ggml.{} has {} entries for {} tokens: get the file again",
                gguf.file(), what, size, vocab.tokens.size());
    }
  }
  const auto checked_id = [&](std::string_view key) {
    const int id = token_id(gguf, key);
    if (id >= 0 && static_cast<std::size_t>(id) >= vocab.tokens.size()) {
      fail_user("{} is damaged: tokenizer.ggml.{} is {} of {} tokens: get the file again", gguf.file(), key,
                id, vocab.tokens.size());
    }
    return id;
  };
  vocab.bos_token_id = checked_id("bos_token_id");
  vocab.eos_token_id = checked_id("eos_token_id");
  vocab.unknown_token_id = checked_id("unknown_token_id");
  vocab.add_bos_token = gguf.boolean("tokenizer.ggml.add_bos_token");
  // An absent key means what llama.cpp makes of it.
  vocab.add_space_prefix = gguf.boolean("tokenizer.ggml.add_space_prefix").value_or(vocab.model == "llama");

  TokenizerFiles files;
  files.chat_template = std::string(gguf.text("tokenizer.chat_template").value_or(""));
  if (vocab.bos_token_id >= 0) files.bos_token = vocab.tokens[static_cast<std::size_t>(vocab.bos_token_id)];
  if (vocab.eos_token_id >= 0) files.eos_token = vocab.tokens[static_cast<std::size_t>(vocab.eos_token_id)];
  files.vocab = std::move(vocab);
  return files;
}

}  // namespace tessera::io
