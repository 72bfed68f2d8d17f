#pragma once
// The bring-up ladder: the guide's phases, one after the other, into one report.
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "report/bringup_report.hpp"
#include "verify/bisect.hpp"
#include "verify/thresholds.hpp"

namespace tessera::verify {

struct BringupOptions {
  std::string model;           // as given on the command line
  std::string adapter;         // a PEFT folder whose LoRA is merged into the weights; empty: none
  std::string device = "cpu";  // a spec sheet
  std::string engine = "fast";
  std::string precision = "accuracy";
  std::string mesh;         // "1x8"; empty: as generate::open_mesh(), and 1x2 on the sheet "cpu"
  std::vector<int> phases;  // 0 (baseline) to 7 (mesh); empty: all
  std::string prompt = "Hello, how are you?";
  int tokens = 100;    // of the token comparison
  std::string golden;  // a golden file; empty: looked for by content hash
  std::filesystem::path out = "tessera-report";
  bool resume = true;  // skip phases that a previous, interrupted run finished
  Thresholds thresholds;
};

/// Runs the ladder and leaves report.html, report.json and, until it ends, state.json in options.out.
/// `on_phase` is told before each phase. Throws UserError when it cannot run at all, Interrupted after Ctrl-C
/// (the state is kept).
/// Under a launcher all ranks call it: rank 0 does the ladder and has the report, the others take part in the
/// mesh and return an empty one.
report::BringupReport run_bringup(const BringupOptions& options,
                                  const std::function<void(const std::string& phase)>& on_phase = {});

/// True when no required item (1 to 8) fails.
bool all_required_pass(const report::BringupReport& report);

/// Opens the model and runs bisect() on it; what it finds is written to `file` (and any file there removed
/// when it finds nothing, or an op that a file cannot hold). Throws UserError.
Bisection run_bisect(const BringupOptions& options, const std::filesystem::path& file);

}  // namespace tessera::verify
