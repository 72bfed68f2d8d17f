#pragma once
#include <nlohmann/json.hpp>

#include "report/bringup_report.hpp"

namespace tessera::report {

/// The document of `tessera bringup --json`: the keys scripts rely on, and more. from_json reads it back, for
/// a run that is resumed; UserError when it is not such a document.
nlohmann::ordered_json to_json(const BringupReport& report);
BringupReport from_json(const nlohmann::ordered_json& json);

/// "pass", "fail", "skipped".
const char* to_string(Status status);

}  // namespace tessera::report
