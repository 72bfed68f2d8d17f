#pragma once
// How near the ops of a step come to what the machine can do.
#include <map>
#include <string>
#include <vector>

#include "ops/dispatch.hpp"
#include "ops/machine_peaks.hpp"

namespace tessera::generate {

/// The calls of a step that do the same kind of work: "linear bfloat8_b", "rms_norm".
struct OpClass {
  std::string name;
  int calls = 0;
  double seconds = 0;
  double bytes = 0;       // read and written: weights and cache as stored, activations
  double operations = 0;  // a multiply-add is two
  bool integers = false;  // multiplied as 16-bit integers

  /// Seconds that it takes at the machine's peaks.
  double memory_seconds(const MachinePeaks& peaks) const { return bytes / peaks.read_bytes_s; }
  double compute_seconds(const MachinePeaks& peaks) const;
  /// The roof's time over its own; above 1 where the caches hold what it reads.
  double fraction(const MachinePeaks& peaks) const;
  bool memory_bound(const MachinePeaks& peaks) const {
    return memory_seconds(peaks) >= compute_seconds(peaks);
  }
};

double total_seconds(const std::vector<OpClass>& classes);

struct StepRoofline {
  std::string kind;  // "prefill" or "decode"
  int batch = 1;
  int context = 0;               // positions at its end
  std::vector<OpClass> classes;  // the longest first

  double seconds() const { return total_seconds(classes); }  // of the ops alone
  double bytes() const;
};

struct Roofline {
  MachinePeaks peaks;
  std::vector<StepRoofline> steps;
};

/// Adds up what it sees by class.
class RooflineObserver final : public OpObserver {
 public:
  void after(const OpEvent& event) override;
  /// The longest first.
  std::vector<OpClass> classes() const;

 private:
  std::map<std::string, OpClass> classes_;
};

}  // namespace tessera::generate
