// Any bytes as a packed-weight cache: no source, or one whose tensors can be read to the last byte.
#include "models/weight_cache.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

#include "memory_file.hpp"
#include "util/error.hpp"

namespace {

using namespace tessera;

// What the seeds hold, in forms that the fast engine reads.
std::vector<nn::WeightRequest> requests() {
  using Kind = nn::WeightRequest::Kind;
  return {{Kind::Matrix, "up", {{"up", 33}}, 20, DataType::BFLOAT8_B},
          {Kind::Rows, "table", {{"table", 5}}, 20, DataType::BFLOAT16},
          {Kind::Vector, "norm", {{"norm", 20}}, 1, DataType::FLOAT32}};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto device = Device::open("cpu", Engine::Fast);
  const MemoryFile file(data, size);
  const auto source = models::MappedSource::open(*device, file.path());
  if (source == nullptr) return 0;
  const bool whole = source->holds(requests());
  for (const auto& request : requests()) {
    try {
      source->load(request).to_vector();
    } catch (const UserError&) {
      if (whole) std::abort();
    }
  }
  return 0;
}
