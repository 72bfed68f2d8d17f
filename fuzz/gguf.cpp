// Any bytes as a GGUF checkpoint: opened, every tensor read, the tokenizer built, or a UserError.
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "io/gguf_checkpoint.hpp"
#include "models/registry.hpp"
#include "util/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto checkpoint = tessera::io::parse_gguf_checkpoint(
        std::as_bytes(std::span(data, size)), "fuzz.gguf", tessera::models::family_formats());
    for (const auto& tensor : checkpoint->tensors()) {
      std::size_t values = 1;
      for (const auto n : tensor.shape) values *= static_cast<std::size_t>(n);
      std::vector<float> out(values);
      checkpoint->read(tensor.name, out);
    }
    checkpoint->tokenizer();
  } catch (const tessera::UserError&) {
  }
  return 0;
}
