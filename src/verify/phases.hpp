#pragma once
// The phases of the ladder. Each adds its evidence to the report and sets its checklist items.
#include <optional>
#include <string>
#include <vector>

#include "report/bringup_report.hpp"
#include "verify/session.hpp"

namespace tessera::io {
struct Golden;
}

namespace tessera::comm {
class MeshDevice;
}

namespace tessera::verify {

/// Item 1: the ref engine against a golden file, when there is one.
void run_baseline(Session& session, const io::Golden* golden, report::BringupReport& report);

/// Phase 1, item 2: every decode module alone, batch 32: random activations (N(0,1), heavy-tailed; norms also
/// small ones), then captured ones.
void run_modules(Session& session, report::BringupReport& report);

/// Phase 2, item 3: each decoder layer alone on the reference's input, then the whole stack.
void run_layers(Session& session, report::BringupReport& report);

/// Phase 3, item 4: the prompt through decode, then generation.
void run_decode(Session& session, const std::string& prompt, report::BringupReport& report);

/// Phase 4, items 5 and 6: teacher forcing by layer; token comparison; output verification.
void run_accuracy(Session& session, const std::string& prompt, int tokens, report::BringupReport& report);

/// Phase 5, items 7 and 8: prefill by layer and whole, equivalence, end to end.
void run_prefill(Session& session, const std::string& prompt, report::BringupReport& report);

/// Item 9: decode steps eagerly and traced, on one queue and on two; the same bits, and what each costs.
void run_performance(Session& session, report::BringupReport& report);

/// Tokens of the forced text that run_mesh() draws on.
constexpr std::size_t kMeshText = 1024;

/// Item 10: every way of sharing the work among the chips of the mesh against one device; nullptr: skipped.
/// Under a launcher the other ranks are in join_mesh() meanwhile, until end_mesh().
void run_mesh(Session& session, comm::MeshDevice* mesh, const models::Precision& precision,
              report::BringupReport& report);
void end_mesh();

/// What the ranks other than 0 do: their part of run_mesh(), when rank 0 comes to it. `text`: the forced one.
void join_mesh(const io::Checkpoint& checkpoint, const std::vector<std::int32_t>& text,
               const models::Precision& precision, int context, comm::MeshDevice& mesh);

/// The checklist entry of an item (1..10), made when it is not there yet.
report::ChecklistItem& checklist_item(report::BringupReport& report, int item);

/// Sets an item from a verdict: evidence always, reason on failure.
void conclude(report::BringupReport& report, int item, bool pass, std::string evidence,
              std::string reason = {});

}  // namespace tessera::verify
