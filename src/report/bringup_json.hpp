#pragma once
#include <nlohmann/json.hpp>

#include "report/bringup_report.hpp"

namespace tessera::report {

/// The document of `tessera bringup --json`: the keys scripts rely on, and more. from_json reads it back, for
/// a run that is resumed; UserError when it is not such a document.
nlohmann::ordered_json to_json(const BringupReport& report);
BringupReport from_json(const nlohmann::ordered_json& json);

/// to_json as text, one line when `indent` is -1. Bytes that are not UTF-8 (a token may hold half a
/// character) become U+FFFD.
std::string json_text(const BringupReport& report, int indent = 1);

/// "pass", "fail", "skipped".
const char* to_string(Status status);

}  // namespace tessera::report
