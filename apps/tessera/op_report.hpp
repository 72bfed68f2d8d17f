#pragma once
// What bisect and replay say of one op.
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "verify/bisect.hpp"

namespace tessera::cli {

std::string finding_text(const verify::Finding& finding);
nlohmann::ordered_json finding_json(const verify::Finding& finding);

/// `file`: where the reproduction is, if one could be written.
std::string bisection_text(const verify::Bisection& found, const std::filesystem::path& file);
nlohmann::ordered_json bisection_json(const verify::Bisection& found, const std::filesystem::path& file);

}  // namespace tessera::cli
