#include "text/tokenizer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "text/gguf_tokenizer.hpp"
#include "text/rust_result.hpp"

namespace tessera::text {

namespace {

struct FreeTokenizer {
  void operator()(tessera_rust_tokenizer* handle) const { tessera_rust_tokenizer_free(handle); }
};

struct FreeIds {
  void operator()(std::int32_t* ids) const { tessera_rust_free_ids(ids); }
};

std::unique_ptr<tessera_rust_tokenizer, FreeTokenizer> open_tokenizer(const io::TokenizerFiles& files) {
  const bool has_json = !files.tokenizer_json.empty();
  check(has_json || files.vocab.has_value(), "tokenizer: the checkpoint has none: add its tokenizer.json");
  const std::string built = has_json ? std::string() : tokenizer_json(*files.vocab);
  const std::string& json = has_json ? files.tokenizer_json : built;
  tessera_rust_tokenizer* handle = nullptr;
  check_rust(tessera_rust_tokenizer_new(json.data(), json.size(), &handle),
             has_json ? "tokenizer.json" : "GGUF tokenizer", "get the file again");
  return std::unique_ptr<tessera_rust_tokenizer, FreeTokenizer>(handle);
}

}  // namespace

struct Tokenizer::Impl {
  std::unique_ptr<tessera_rust_tokenizer, FreeTokenizer> handle;
  std::vector<int> byte_ids;  // ascending: tokens that stand for one byte, "<0x0A>"
};

Tokenizer::Tokenizer(const io::TokenizerFiles& files) : impl_(std::make_unique<Impl>()) {
  impl_->handle = open_tokenizer(files);
  for (int byte = 0; byte < 256; ++byte) {
    const int id = token_id(fmt::format("<0x{:02X}>", byte));
    if (id >= 0) impl_->byte_ids.push_back(id);
  }
  std::sort(impl_->byte_ids.begin(), impl_->byte_ids.end());
}

Tokenizer::~Tokenizer() = default;
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;

std::vector<int> Tokenizer::encode(std::string_view text, bool add_special_tokens) const {
  std::int32_t* ids = nullptr;
  std::size_t count = 0;
  check_rust(tessera_rust_tokenizer_encode(impl_->handle.get(), text.data(), text.size(), add_special_tokens,
                                           &ids, &count),
             "tokenizer", "give UTF-8 text that this tokenizer can encode");
  const std::unique_ptr<std::int32_t, FreeIds> owner(ids);
  return {ids, ids + count};
}

std::string Tokenizer::decode(std::span<const int> ids, bool skip_special_tokens) const {
  RustString text;
  check_rust(tessera_rust_tokenizer_decode(impl_->handle.get(), ids.data(), ids.size(), skip_special_tokens,
                                           &text.data, &text.size),
             "tokenizer", "check that the ids are of this tokenizer");
  return text.str();
}

int Tokenizer::vocab_size() const {
  return static_cast<int>(tessera_rust_tokenizer_vocab_size(impl_->handle.get()));
}

int Tokenizer::token_id(std::string_view token) const {
  return tessera_rust_tokenizer_token_to_id(impl_->handle.get(), token.data(), token.size());
}

bool Tokenizer::is_byte_token(int id) const {
  return std::binary_search(impl_->byte_ids.begin(), impl_->byte_ids.end(), id);
}

}  // namespace tessera::text
