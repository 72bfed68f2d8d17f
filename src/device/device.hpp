#pragma once
// A device is a spec sheet (capacity) and an engine (arithmetic).
#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>

#include "device/buffer.hpp"
#include "device/spec_sheet.hpp"

namespace tessera {

/// Ref: float32, plain loops, the truth inside the product. Fast: bfloat16 / block-float storage, float32
/// accumulation, SIMD. Exact: the same storage, computed as a Wormhole card computes it (docs/wormhole.md).
/// Meta: shapes and bytes only.
enum class Engine : std::uint8_t { Ref, Fast, Exact, Meta };

std::string_view to_string(Engine engine);
/// "ref", "fast", "exact", "meta"; UserError otherwise.
Engine parse_engine(std::string_view name);

class Device : public std::enable_shared_from_this<Device> {
 public:
  /// Throws UserError for an unknown sheet.
  static std::shared_ptr<Device> open(std::string_view sheet, Engine engine);

  Engine engine() const { return engine_; }
  const SpecSheet& sheet() const { return sheet_; }

  /// Bytes that tensors take as the device packs them (tile padding included), now and at most.
  std::int64_t allocated_bytes() const { return allocated_.load(std::memory_order_relaxed); }
  std::int64_t peak_bytes() const { return peak_.load(std::memory_order_relaxed); }
  void reset_peak() { peak_.store(allocated_bytes()); }

  // For Buffer.
  BlockPool& pool() { return pool_; }
  /// Adds to the account (negative: gives back). Throws UserError when the sheet's DRAM would overflow.
  void charge(std::int64_t bytes);

 private:
  Device(const SpecSheet& sheet, Engine engine) : sheet_(sheet), engine_(engine) {}

  const SpecSheet& sheet_;
  Engine engine_;
  BlockPool pool_;
  std::atomic<std::int64_t> allocated_{0};
  std::atomic<std::int64_t> peak_{0};
};

}  // namespace tessera
