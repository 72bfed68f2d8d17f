#pragma once
// How much of the sheet's rates the cards reach. The published rates come from TT-Metalium's reports; the
// fitted ones from the batch-1 rows of TT-Transformers' PERF.md, by scripts/fit_speed_model.py, and from
// nothing else.
namespace tessera::plan {

struct Efficiency {
  // Published. Shares of the sheet's DRAM bandwidth, 288 GB/s on Wormhole.
  double weights = 240.0 / 288;      // DRAM-sharded matmul of a decode step
  double interleaved = 190.0 / 288;  // interleaved reads and writes of a prefill
  double kv_cache = 180.0 / 288;     // FlashDecode
  // Fitted: of a decode step.
  double step_us = 2900;  // what does not depend on the model: inputs, sampling, launch
  double op_us = 8.4;     // an op, beyond its bytes and its arithmetic
  double hop_us = 11.2;   // a hop between two chips
  double copy_us = 1000;  // each further copy of a data-parallel model that the same host drives
  // Fitted: of a prefill.
  double prefill_us = 10700;
  double prefill_op_us = 4.3;
  double prefill_hop_us = 43;
  double matmul = 0.243;  // of the matrix engines' peak on the cores that have rows to work on
};

constexpr Efficiency kFitted{};

}  // namespace tessera::plan
