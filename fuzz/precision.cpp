// Any text as a precision file: refused, or a precision of which every layer has dtypes that weights can
// have.
#include "models/precision.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "util/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tessera;
  try {
    const auto p =
        models::parse_precision_json({reinterpret_cast<const char*>(data), size}, "precision.json");
    for (const auto& [layer, decoder] : p.overrides) {
      for (const DataType dtype : {decoder.ff1_ff3, decoder.ff2, decoder.wqkv, decoder.wo}) {
        if (layer < 0 || is_integer(dtype)) std::abort();
      }
    }
    if (is_integer(p.kv_cache) || p.kv_cache == DataType::BFLOAT4_B || is_integer(p.activation) ||
        is_block_float(p.activation)) {
      std::abort();
    }
  } catch (const UserError&) {
  }
  return 0;
}
