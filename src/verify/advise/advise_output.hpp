#pragma once
// Advice for programs and for people.
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "verify/advise/advise.hpp"

namespace tessera::verify {

/// Keys: see docs/advise.md.
nlohmann::ordered_json advice_json(const Advice& advice);
std::string advice_text(const Advice& advice);
/// One self-contained page: the front, the groups, the layers.
std::string advice_html(const Advice& advice);

/// What the engine of a row looks at: the fast one knows no fidelity.
Setting shown_setting(const Sensitivity& row);

/// The verdict in one line: the chosen configuration, or that none meets the target and which comes nearest.
std::string verdict_line(const Advice& advice);
/// And what that configuration gives in decode.
std::string decode_line(const Advice& advice);

nlohmann::ordered_json grid_json(const std::string& model, const std::vector<GridCell>& cells);
/// A table in Markdown.
std::string grid_text(const std::string& model, const std::vector<GridCell>& cells);

}  // namespace tessera::verify
