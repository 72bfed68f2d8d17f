// Any bytes as a .refpt file, and, since no fuzzer finds a zip by chance, the same bytes as its pickle.
#include <cstddef>
#include <cstdint>
#include <span>

#include "io/pickle.hpp"
#include "io/refpt.hpp"
#include "util/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  try {
    tessera::io::parse_refpt(bytes, "fuzz.refpt");
  } catch (const tessera::UserError&) {
  }
  try {
    tessera::io::Pickle::parse(bytes, "data.pkl");
  } catch (const tessera::UserError&) {
  }
  return 0;
}
