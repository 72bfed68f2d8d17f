#pragma once
// The ladder on a tiny model, with a session that a test may spoil before it runs.
#include <initializer_list>
#include <string>

#include "support/tiny_folder.hpp"
#include "verify/phases.hpp"
#include "verify/session.hpp"

namespace tessera::verify::test {

/// Small enough that a phase takes a fraction of a second.
inline tessera::test::TinyOptions ladder_options() {
  tessera::test::TinyOptions options;
  options.max_positions = 128;
  return options;
}

class Ladder {
 public:
  explicit Ladder(const tessera::test::TinyOptions& options = ladder_options(), bool gguf = false,
                  const std::string& precision = "accuracy")
      : files_(options) {
    session = open_session(gguf ? models::open_checkpoint(files_.write_gguf(options)) : files_.open(),
                           {.precision = models::parse_precision(precision)});
  }

  nn::CausalLm& device() { return *session.model; }

  /// Runs phases 1 to 6.
  report::BringupReport run(std::initializer_list<int> phases) {
    const std::string prompt = "Hello, how are you?";
    report::BringupReport report;
    for (const int phase : phases) {
      if (phase == 1) run_modules(session, report);
      if (phase == 2) run_layers(session, report);
      if (phase == 3) run_decode(session, prompt, report);
      if (phase == 4) run_accuracy(session, prompt, 20, report);
      if (phase == 5) run_prefill(session, prompt, report);
      if (phase == 6) run_performance(session, report);
    }
    return report;
  }

  const tessera::test::TinyFolder& files() const { return files_; }
  Session session;

 private:
  tessera::test::TinyFolder files_;
};

inline const report::ChecklistItem& item(const report::BringupReport& report, int number) {
  return report.checklist.at(static_cast<std::size_t>(number - 1));
}

/// The first row that fails, as "path op".
inline std::string first_failure(const report::BringupReport& report) {
  for (const auto& row : report.ops) {
    if (!row.pass) return row.path + " " + row.op;
  }
  return "none";
}

}  // namespace tessera::verify::test
