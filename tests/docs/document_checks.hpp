#pragma once
// What can be wrong with a document. Each check gives one line a finding: "FILE:LINE: what".
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "markdown.hpp"

namespace tessera::test {

using Findings = std::vector<std::string>;

/// One finding.
std::string at(const Document& document, std::size_t line, const std::string& what);

/// Relative links to files that are not there, and #anchors that no heading has.
Findings broken_links(const Document& document);

/// Paths in the text ("src/ops/dispatch.hpp", "ops/dispatch.hpp", "fuzz/corpus/*") that `root` does not have.
Findings missing_paths(const Document& document, const std::filesystem::path& root);

/// C++ and diff blocks that do not say which file they quote, or that the file no longer holds. Of a diff,
/// the new side counts; a line "..." leaves lines out.
Findings stale_quotes(const Document& document, const std::filesystem::path& root);

/// The output of `tessera ARGUMENTS --help`.
using Help = std::function<std::string(const std::string& arguments)>;

/// `tessera COMMAND --option` in code, where the program has no such command or the command no such option.
Findings unknown_commands(const Document& document, const Help& help);

/// Subcommands and long options of the program that a document does not name.
Findings undocumented_options(const Document& document, const Help& help);

/// Environment variables that src/ and apps/ read and a document does not name.
Findings undocumented_variables(const Document& document, const std::filesystem::path& root);

}  // namespace tessera::test
