#include "plan/speed.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "util/error.hpp"

namespace tessera::plan {
namespace {

// 100 Gb/s each way: 16 Ethernet cores share 3200 Gb/s both ways.
constexpr double kLinkBytesPerSecond = 12.5e9;
constexpr int kPhaseCycles = 16;  // a tile product, for each phase of the fidelity

// How the chips of a group are wired: eight in a ring, fewer in a line, more as rings of 8 beside each other.
struct Collective {
  int hops = 0;
  double parts = 0;  // of the tensor, over the busiest link
};

Collective one_way(int chips) {
  const int far = chips >= 8 ? chips / 2 : chips - 1;
  return {far, static_cast<double>(far) / chips};
}

constexpr int kRing = 8;

// More chips than a ring in one group (a model that is not divided both ways) go round the rings, then
// across.
Collective collective(const OpWork& work) {
  const int passes = work.one_pass ? 1 : 2;
  const Collective ring = one_way(std::min(work.chips, kRing));
  const Collective across = one_way(std::max(1, work.chips / kRing));
  return {passes * (ring.hops + across.hops), passes * (ring.parts + across.parts)};
}

// Rows and columns of tiles over the grid: the slowest core has the rounded-up share.
double grid_use(std::int64_t row_tiles, std::int64_t col_tiles, const ChipRates& rates) {
  const auto share = [](std::int64_t tiles, int cores) {
    const std::int64_t most = (tiles + cores - 1) / cores;
    return static_cast<double>(tiles) / static_cast<double>(most * cores);
  };
  return share(row_tiles, rates.grid_rows) * share(col_tiles, rates.grid_cols);
}

double tile_products(const OpWork& w) {
  return static_cast<double>(w.row_tiles) * static_cast<double>(w.col_tiles) *
         static_cast<double>(w.inner_tiles);
}

// Causal: a row of tiles meets the keys up to its own; Q K^T and the product with V.
double attention_products(const OpWork& w) {
  const double rows = static_cast<double>(w.row_tiles);
  const double keys = static_cast<double>(w.start) / kTileSize + (rows + 1) / 2;
  return 2 * rows * keys * static_cast<double>(w.heads * w.head_tiles);
}

double attention_bytes(const OpWork& w, std::int64_t positions) {
  const std::int64_t whole = (positions + kTileSize - 1) / kTileSize * kTileSize;
  return static_cast<double>(w.users * whole * w.position_bytes);
}

}  // namespace

ChipRates chip_rates(const SpecSheet& sheet) {
  check(sheet.dram_bandwidth_gb_s > 0,
        "device {}: its sheet has no bandwidth to plan a speed with: use a card", sheet.name);
  ChipRates rates{
      sheet.dram_bandwidth_gb_s * 1e9, sheet.clock_ghz * 1e9, kLinkBytesPerSecond, sheet.worker_cores, 1, 1};
  for (int rows = 1; rows * rows <= rates.cores; ++rows) {
    if (rates.cores % rows == 0) rates.grid_rows = rows;
  }
  rates.grid_cols = rates.cores / rates.grid_rows;
  return rates;
}

int cycles_per_tile(DataType weight) {
  return weight == DataType::BFLOAT4_B ? 16 : weight == DataType::BFLOAT8_B ? 32 : 64;
}

OpTime time_op(const OpWork& w, const StepContext& context, const ChipRates& rates, const Efficiency& e) {
  OpTime time;
  const double peak = rates.cores * rates.clock_hz;  // cycles a second
  const double activations = static_cast<double>(w.activation_bytes);
  // A decode step keeps its activations in L1, and the rows of a tile cost what one does.
  switch (w.kind) {
    case OpWork::Kind::Linear: {
      const double cycles = tile_products(w) * cycles_per_tile(w.weight);
      const bool whole_rows = w.row_tiles > 1;
      const double bytes = static_cast<double>(w.weight_bytes) + (whole_rows ? activations : 0);
      time.memory = bytes / rates.dram_bytes_s;
      time.compute = cycles / peak;
      const double use = whole_rows ? e.matmul * grid_use(w.row_tiles, w.col_tiles, rates) : 1;
      time.real_transfer =
          std::max(time.memory / (whole_rows ? e.interleaved : e.weights), time.compute / use);
      break;
    }
    case OpWork::Kind::Attention:
      if (context.decode) {
        time.memory = attention_bytes(w, context.position + 1) / rates.dram_bytes_s;
        time.real_transfer = time.memory / e.kv_cache;
      } else {
        time.memory = attention_bytes(w, w.start + w.rows) / rates.dram_bytes_s;
        time.compute = attention_products(w) * kPhaseCycles * w.phases / peak;
        time.real_transfer = std::max(time.memory / e.interleaved, time.compute / e.matmul);
      }
      break;
    case OpWork::Kind::Collective: {
      const Collective way = collective(w);
      time.hops = way.hops;
      time.link_bytes = std::llround(way.parts * static_cast<double>(w.bytes));
      time.link = static_cast<double>(time.link_bytes) / rates.link_bytes_s;
      time.real_transfer = time.link;
      break;
    }
    case OpWork::Kind::Other:
      if (!context.decode && w.row_tiles > 1) {
        time.memory = activations / rates.dram_bytes_s;
        time.real_transfer = time.memory / e.interleaved;
      }
      break;
  }
  return time;
}

namespace {

StepTime sum(std::span<const OpWork> works, const StepContext& context, const ChipRates& rates,
             const Efficiency& e) {
  StepTime step;
  for (const OpWork& work : works) {
    const OpTime time = time_op(work, context, rates, e);
    const double longest = std::max({time.memory, time.compute, time.link});
    step.ideal_ms += longest * 1e3;
    (longest == time.link      ? step.link_ms
     : longest == time.compute ? step.compute_ms
                               : step.memory_ms) += longest * 1e3;
    step.transfer_ms += time.real_transfer * 1e3;
    step.hops += time.hops;
    step.link_bytes += time.link_bytes;
    step.weight_bytes += work.weight_bytes;
    if (work.kind != OpWork::Kind::Collective) ++step.ops;
    if (work.kind == OpWork::Kind::Attention && context.decode)
      step.kv_bytes += std::llround(time.memory * rates.dram_bytes_s);
    const bool matmul = work.kind == OpWork::Kind::Linear
                            ? work.row_tiles > 1
                            : work.kind == OpWork::Kind::Attention && !context.decode;
    if (!matmul) {
      step.other_ms += time.real_transfer * 1e3;
    } else {
      const double use =
          work.kind == OpWork::Kind::Linear ? grid_use(work.row_tiles, work.col_tiles, rates) : 1;
      step.matmul_ms += time.compute / use * 1e3;
    }
  }
  return step;
}

}  // namespace

std::string_view StepTime::bound() const {
  if (link_ms >= memory_ms && link_ms >= compute_ms && link_ms > 0) return "links";
  return memory_ms >= compute_ms ? "dram" : "compute";
}

StepTime& StepTime::operator+=(const StepTime& o) {
  for (const auto part :
       {&StepTime::ideal_ms, &StepTime::memory_ms, &StepTime::compute_ms, &StepTime::link_ms,
        &StepTime::transfer_ms, &StepTime::other_ms, &StepTime::matmul_ms, &StepTime::expected_ms})
    this->*part += o.*part;
  for (const auto part :
       {&StepTime::ops, &StepTime::hops, &StepTime::weight_bytes, &StepTime::kv_bytes, &StepTime::link_bytes})
    this->*part += o.*part;
  return *this;
}

StepTime decode_time(std::span<const OpWork> work, std::int64_t position, int copies, const ChipRates& rates,
                     const Efficiency& e) {
  StepTime step = sum(work, {true, position}, rates, e);
  step.expected_ms =
      step.transfer_ms + (static_cast<double>(step.ops) * e.op_us +
                          static_cast<double>(step.hops) * e.hop_us + e.step_us + (copies - 1) * e.copy_us) /
                             1e3;
  return step;
}

StepTime prefill_time(std::span<const OpWork> work, const ChipRates& rates, const Efficiency& e) {
  StepTime step = sum(work, {false, 0}, rates, e);
  step.expected_ms = step.transfer_ms + (static_cast<double>(step.ops) * e.prefill_op_us +
                                         static_cast<double>(step.hops) * e.prefill_hop_us) /
                                            1e3;
  return step;
}

std::int64_t padded_prompt(std::int64_t tokens) {
  if (tokens <= 128) return 128;
  if (tokens <= 1024) return 1024;
  return static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(tokens)));
}

}  // namespace tessera::plan
