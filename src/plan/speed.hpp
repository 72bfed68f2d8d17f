#pragma once
// From the work of the ops to time: a roofline per op, and the efficiency that the cards show.
#include <cstdint>
#include <span>
#include <string_view>

#include "device/spec_sheet.hpp"
#include "plan/efficiency.hpp"
#include "plan/op_work.hpp"

namespace tessera::plan {

/// Rates of one chip.
struct ChipRates {
  double dram_bytes_s = 0;
  double clock_hz = 0;
  double link_bytes_s = 0;  // between neighbours, one way, one link
  int cores = 0, grid_rows = 0, grid_cols = 0;
};

/// Throws UserError for a sheet without a bandwidth ("cpu").
ChipRates chip_rates(const SpecSheet& sheet);

/// Cycles of one core for a product of two tiles, as TT-Transformers sets the fidelity for weights of that
/// dtype: bfloat4_b LoFi 16, bfloat8_b HiFi2 32, others HiFi4 64.
int cycles_per_tile(DataType weight);

/// One op, seconds. Ideal: the sheet's bandwidth or the matrix engines' peak, whichever is longer, no
/// overhead; real: with the efficiency.
struct OpTime {
  double memory = 0, compute = 0, link = 0;  // at the sheet's rates
  double real_transfer = 0;                  // the longest of them at real rates
  int hops = 0;
  std::int64_t link_bytes = 0;  // over the busiest link
};

struct StepContext {
  bool decode = true;
  std::int64_t position = 0;  // decode: of every user
};

OpTime time_op(const OpWork& work, const StepContext& context, const ChipRates& rates,
               const Efficiency& efficiency);

/// Sums over ops. Milliseconds; what the fit of the constants needs stands beside what users want.
struct StepTime {
  double ideal_ms = 0;                                // each op at its roof, one after another
  double memory_ms = 0, compute_ms = 0, link_ms = 0;  // the parts of the ideal: by each op's bound
  double transfer_ms = 0;                             // real, without what is fitted per op, hop and step
  double matmul_ms = 0;  // prefill: matrix engine time at peak on the cores used, before `matmul`
  double other_ms = 0;   // prefill: transfer_ms of all other ops
  double expected_ms = 0;
  std::int64_t ops = 0, hops = 0, weight_bytes = 0, kv_bytes = 0, link_bytes = 0;

  std::string_view bound() const;  // "dram", "compute", "links"
  StepTime& operator+=(const StepTime& other);
};

/// A decode step of `work`, every user at `position`; `copies`: of a data-parallel model.
StepTime decode_time(std::span<const OpWork> work, std::int64_t position, int copies, const ChipRates& rates,
                     const Efficiency& efficiency = kFitted);

/// One chunk; the constant of a prefill is not in it.
StepTime prefill_time(std::span<const OpWork> work, const ChipRates& rates,
                      const Efficiency& efficiency = kFitted);

/// TT-Transformers' padding of a prompt: 128, 1024, then powers of two.
std::int64_t padded_prompt(std::int64_t tokens);

}  // namespace tessera::plan
