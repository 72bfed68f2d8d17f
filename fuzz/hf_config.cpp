// Any text as each of the JSON files of a Hugging Face folder and of an adapter.
#include "io/hf_config.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "io/lora_config.hpp"
#include "models/registry.hpp"
#include "util/error.hpp"

namespace {

void attempt(auto&& parse) {
  try {
    parse();
  } catch (const tessera::UserError&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  tessera::io::ModelConfig config;
  tessera::io::TokenizerFiles files;
  attempt([&] { tessera::io::parse_hf_config(text, "config.json", tessera::models::family_formats()); });
  attempt([&] { tessera::io::apply_generation_config(config, text, "generation_config.json"); });
  attempt([&] { tessera::io::parse_lora_config(text, "adapter_config.json"); });
  attempt([&] { tessera::io::apply_tokenizer_config(files, text, "tokenizer_config.json"); });
  return 0;
}
