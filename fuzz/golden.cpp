// Any bytes as a golden file.
#include "io/golden.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

#include "util/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    tessera::io::parse_golden(std::as_bytes(std::span(data, size)), "fuzz.golden");
  } catch (const tessera::UserError&) {
  }
  return 0;
}
