// The documents against the program: its commands, their options, the variables it reads.
#include <fmt/format.h>

#include <algorithm>
#include <regex>
#include <set>
#include <sstream>

#include "document_checks.hpp"
#include "util/file.hpp"

namespace tessera::test {
namespace fs = std::filesystem;
namespace {

// A piece of code that calls the program: "tessera pull NAME", "build/release/bin/tessera pull NAME".
struct Call {
  std::string command;
  std::vector<std::string> options;
};

std::vector<Call> calls_in(const std::string& code) {
  static const std::regex call("(^|[\\s/(])tessera ([a-z][a-z0-9-]*)([^`|;&#]*)"),
      option("--[a-z][a-z0-9-]*");
  std::vector<Call> calls;
  for (std::sregex_iterator it(code.begin(), code.end(), call), end; it != end; ++it) {
    const std::string rest = (*it)[3];
    Call found{(*it)[2], {}};
    for (std::sregex_iterator o(rest.begin(), rest.end(), option); o != end; ++o)
      found.options.push_back(o->str());
    calls.push_back(std::move(found));
  }
  return calls;
}

bool has_command(const Help& help, const std::string& command) {
  return help(command).find("tessera " + command + " ") != std::string::npos;
}

bool has_option(const std::string& text, const std::string& option) {
  return std::regex_search(text, std::regex(option + "([^a-z0-9-]|$)"));
}

std::string text_of(const Document& document) {
  std::string text;
  for (const std::string& line : document.lines) text += line + "\n";
  return text;
}

// NAME of every getenv("NAME") under a folder; environment("NAME") is io's form of it.
std::set<std::string> variables_under(const fs::path& folder) {
  static const std::regex reads("\\b(?:getenv|environment)\\(\"([A-Z_]+)\"\\)");
  std::set<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file() || entry.path().extension() != ".cpp") continue;
    const std::string text = read_text_file(entry.path());
    for (std::sregex_iterator it(text.begin(), text.end(), reads), end; it != end; ++it)
      names.insert((*it)[1]);
  }
  return names;
}

}  // namespace

Findings unknown_commands(const Document& document, const Help& help) {
  Findings findings;
  for (std::size_t i = 0; i < document.lines.size(); ++i) {
    std::vector<std::string> codes;
    if (document.in_fence[i]) {
      codes.push_back(document.lines[i]);
    } else {
      codes = code_spans(document.lines[i]);
    }
    for (const std::string& code : codes) {
      for (const Call& call : calls_in(code)) {
        if (!has_command(help, call.command)) {
          findings.push_back(at(document, i + 1, "no command tessera " + call.command));
          continue;
        }
        for (const std::string& option : call.options) {
          if (!has_option(help(call.command), option))
            findings.push_back(
                at(document, i + 1, fmt::format("tessera {} has no {}", call.command, option)));
        }
      }
    }
  }
  return findings;
}

Findings undocumented_options(const Document& document, const Help& help) {
  static const std::regex option("--[a-z][a-z0-9-]*");
  const std::string all = text_of(document);
  Findings findings;
  std::istringstream program(help(""));
  bool listing = false;
  for (std::string line; std::getline(program, line);) {
    if (line.starts_with("Subcommands:")) listing = true;
    const bool entry = listing && line.starts_with("  ") && line.size() > 2 && line[2] != ' ';
    if (!entry) continue;
    const std::string command = line.substr(2, line.find(' ', 2) - 2);
    const std::size_t section = all.find("## tessera " + command + "\n");
    if (section == all.npos) {
      findings.push_back(at(document, 1, fmt::format("no section \"## tessera {}\"", command)));
      continue;
    }
    const std::string text = all.substr(section, all.find("\n## ", section) - section);
    const std::string usage = help(command);
    for (std::sregex_iterator it(usage.begin(), usage.end(), option), end; it != end; ++it) {
      if (it->str() != "--help" && !has_option(text, it->str()))
        findings.push_back(
            at(document, 1, fmt::format("tessera {}: {} is not described", command, it->str())));
    }
  }
  if (!listing) findings.push_back(at(document, 1, "the program's help lists no subcommands"));
  return findings;
}

Findings undocumented_variables(const Document& document, const fs::path& root) {
  const std::string text = text_of(document);
  Findings findings;
  for (const char* folder : {"src", "apps"}) {
    for (const std::string& name : variables_under(root / folder)) {
      if (text.find("`" + name + "`") == text.npos)
        findings.push_back(at(document, 1, name + " is read and not described"));
    }
  }
  return findings;
}

}  // namespace tessera::test
