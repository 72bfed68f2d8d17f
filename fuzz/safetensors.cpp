// Any bytes as a safetensors file: every float tensor read, or a UserError.
#include "io/safetensors.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "util/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto file =
        tessera::io::parse_safetensors(std::as_bytes(std::span(data, size)), "fuzz.safetensors");
    for (const auto& entry : file.tensors) {
      std::vector<float> values(entry.values());
      tessera::io::read_floats(entry, values);
    }
  } catch (const tessera::UserError&) {
  }
  return 0;
}
