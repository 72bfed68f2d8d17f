#pragma once
// The roof over the kernels: what this machine can read and multiply, measured, not looked up.

namespace tessera {

struct MachinePeaks {
  double read_bytes_s = 0;  // of a buffer far larger than the caches
  double fp32_flop_s = 0;   // fused multiply-adds, two operations each
  double int16_op_s = 0;    // products of 16-bit integers and their sums; 0: no instruction for them
};

/// The best of a few rounds with all threads of the pool, in the instruction set in use: some 0.3 seconds and
/// 512 MiB. Throws std::bad_alloc.
MachinePeaks measure_peaks();

}  // namespace tessera
