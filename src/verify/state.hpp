#pragma once
// What an interrupted bring-up had finished, so that the same command goes on from there.
#include <filesystem>
#include <set>
#include <string>

#include "models/precision.hpp"
#include "report/bringup_report.hpp"
#include "verify/bringup.hpp"

namespace tessera::verify {

/// What a run depends on by its contents: a file of the same name may have been written anew.
struct RunInputs {
  std::string checkpoint;  // content hash
  std::string golden;      // SHA-256 of the file; empty: none
  models::Precision precision;
};

/// state.json in the output folder: the report so far, the phases that are in it, and what the run was asked.
/// It is written whole after each phase and removed at the end.
class RunState {
 public:
  RunState(const BringupOptions& options, const RunInputs& inputs);

  /// Takes over a state of the same run (contents, options, program, instruction set); any other is ignored.
  void load();
  bool is_done(int phase) const { return done_.contains(phase); }
  void finish(int phase);
  void discard() const;
  report::BringupReport& report() { return report_; }

 private:
  std::filesystem::path path_;
  std::string fingerprint_;
  std::set<int> done_;
  report::BringupReport report_;
};

}  // namespace tessera::verify
