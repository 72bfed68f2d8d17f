#pragma once
// Where and how a device tensor is placed, by TT-NN's names.
#include <cstdint>

namespace tessera {

enum class TensorMemoryLayout : std::uint8_t { INTERLEAVED, HEIGHT_SHARDED, WIDTH_SHARDED, BLOCK_SHARDED };
enum class BufferType : std::uint8_t { DRAM, L1 };

/// Weights of a matmul are DRAM WIDTH_SHARDED, as the vendor's DRAM-sharded matmul wants them: the engine is
/// then free to keep them in strips of columns.
struct MemoryConfig {
  TensorMemoryLayout memory_layout = TensorMemoryLayout::INTERLEAVED;
  BufferType buffer_type = BufferType::DRAM;
  bool operator==(const MemoryConfig&) const = default;
};

// TT-NN's names. NOLINTBEGIN(readability-identifier-naming)
constexpr MemoryConfig DRAM_MEMORY_CONFIG{};
constexpr MemoryConfig L1_MEMORY_CONFIG{TensorMemoryLayout::INTERLEAVED, BufferType::L1};
constexpr MemoryConfig DRAM_WIDTH_SHARDED{TensorMemoryLayout::WIDTH_SHARDED, BufferType::DRAM};
// NOLINTEND(readability-identifier-naming)

}  // namespace tessera
