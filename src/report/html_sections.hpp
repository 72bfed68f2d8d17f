#pragma once
// The sections of the page of a bring-up, top to bottom. Each writes one <section> (or the <header>).
#include "report/bringup_report.hpp"
#include "report/html.hpp"

namespace tessera::report {

void header_section(Html& html, const BringupReport& report);
void checklist_section(Html& html, const BringupReport& report);
void layers_section(Html& html, const BringupReport& report);
void accuracy_section(Html& html, const BringupReport& report);
void texts_section(Html& html, const BringupReport& report);
void equivalence_section(Html& html, const BringupReport& report);
void memory_section(Html& html, const BringupReport& report);
void performance_section(Html& html, const BringupReport& report);
void queues_section(Html& html, const BringupReport& report);
void mesh_section(Html& html, const BringupReport& report);

/// The frame of the per-op table; its rows are in ops_rows() and page/ops.js draws them.
void ops_section(Html& html, const BringupReport& report);

/// {"columns": [...], "rows": [[...], ...]} with the keys of report.json, safe inside <script>.
std::string ops_rows(const BringupReport& report);

/// "pass", "fail" or "skipped" as a coloured word.
void status_mark(Html& html, Status status);
inline void status_mark(Html& html, bool pass) {
  status_mark(html, pass ? Status::Pass : Status::Fail);
}

/// What stands where a phase would have left something.
void not_run(Html& html, std::string_view what, int phase);

}  // namespace tessera::report
