// Any bytes as a .npy file: a tensor with as many values as its shape says, or a UserError.
#include "tensor/npy.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "util/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const tessera::HostTensor tensor = tessera::parse_npy(std::as_bytes(std::span(data, size)), "fuzz.npy");
    if (std::ssize(tensor.to_vector()) != tensor.spec().logical_shape.volume()) std::abort();
  } catch (const tessera::UserError&) {
  }
  return 0;
}
