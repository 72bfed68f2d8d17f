// Any bytes as a reproduction: refused in one line, or run. Small ones alone are run: what the op's own
// checks let through must not crash its kernels.
#include <cstddef>
#include <cstdint>
#include <span>

#include "util/error.hpp"
#include "verify/replay_file.hpp"

namespace {

bool is_small(const tessera::verify::OpCase& op_case) {
  std::size_t values = 0;
  for (const auto& input : op_case.inputs) values += input.values.size() + input.integers.size();
  return values <= 512;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto op_case = tessera::verify::parse_replay(std::as_bytes(std::span(data, size)), "fuzz.replay");
    if (!is_small(op_case)) return 0;
    const auto device = tessera::Device::open("cpu", tessera::Engine::Exact);
    tessera::verify::measure(op_case, *device);
  } catch (const tessera::UserError&) {
  }
  return 0;
}
