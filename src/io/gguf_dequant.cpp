#include "io/gguf_dequant.hpp"

#include <cstdint>
#include <cstring>

#include "io/half.hpp"
#include "tensor/bfloat16.hpp"
#include "util/error.hpp"
#include "util/parallel.hpp"

namespace tessera::io {
namespace {

std::uint16_t read_u16(const std::uint8_t* bytes) {
  return static_cast<std::uint16_t>(bytes[0] | bytes[1] << 8);
}

void floats(const std::uint8_t* data, std::size_t count, float* out) {
  std::memcpy(out, data, count * sizeof(float));
}

void halves(const std::uint8_t* data, std::size_t count, float* out) {
  for (std::size_t i = 0; i < count; ++i) out[i] = half_to_float(read_u16(data + 2 * i));
}

void bfloats(const std::uint8_t* data, std::size_t count, float* out) {
  for (std::size_t i = 0; i < count; ++i) out[i] = bf16_to_float(read_u16(data + 2 * i));
}

detail::BlockFn block_fn(GgmlType type) {
  if (type == GgmlType::F32) return floats;
  if (type == GgmlType::F16) return halves;
  if (type == GgmlType::BF16) return bfloats;
  if (const auto fn = detail::legacy_block_fn(type)) return fn;
  return detail::k_block_fn(type);
}

}  // namespace

void dequantize(GgmlType type, std::span<const std::byte> data, std::span<float> out) {
  const GgmlTypeInfo& info = ggml_type_info(type);
  const std::size_t blocks = data.size() / info.block_bytes;
  if (blocks * info.block_bytes != data.size() || blocks * info.block_values != out.size()) {
    fail_user("cannot dequantise {}: {} bytes for {} values: a block of {} values has {} bytes", info.name,
              data.size(), out.size(), info.block_values, info.block_bytes);
  }
  const auto fn = block_fn(type);
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(data.data());
  // 64k values (256 KB out) a piece: long against the cost of waking a thread.
  const std::int64_t grain = 65536 / info.block_values;
  parallel_for(static_cast<std::int64_t>(blocks), grain, [&](std::int64_t begin, std::int64_t end) {
    fn(bytes + begin * info.block_bytes, static_cast<std::size_t>(end - begin),
       out.data() + begin * info.block_values);
  });
}

}  // namespace tessera::io
