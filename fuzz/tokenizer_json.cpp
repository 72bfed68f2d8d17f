// A tokenizer.json, and behind a NUL the text to encode: built and used, or a UserError.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tokenizer_probe.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = input.find('\0');
  try {
    tessera::io::TokenizerFiles files;
    files.tokenizer_json = input.substr(0, end);
    const tessera::text::Tokenizer tokenizer(files);
    probe_tokenizer(tokenizer, end == input.npos ? "Hello 42 \u4F60" : input.substr(end + 1));
  } catch (const tessera::UserError&) {
  }
  return 0;
}
