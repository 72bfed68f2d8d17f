// The documents say what is there: links, paths, quoted code, commands and options. Each check is shown to
// find a planted fault.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <memory>

#include "document_checks.hpp"
#include "util/error.hpp"
#include "util/file.hpp"

namespace tessera::test {
namespace {

namespace fs = std::filesystem;

fs::path root() {
  return TESSERA_SOURCE_DIR;
}

// The program that was built beside this test.
std::string program_help(const std::string& arguments) {
  static std::map<std::string, std::string> known;
  if (const auto it = known.find(arguments); it != known.end()) return it->second;
  const std::string line = TESSERA_PROGRAM " " + arguments + " --help 2>&1";
  const auto close = [](std::FILE* file) { pclose(file); };
  const std::unique_ptr<std::FILE, decltype(close)> pipe(popen(line.c_str(), "r"), close);
  check(pipe != nullptr, "cannot run {}: {}", line, errno_text());
  std::string text;
  std::array<char, 4096> piece{};
  while (const std::size_t n = std::fread(piece.data(), 1, piece.size(), pipe.get()))
    text.append(piece.data(), n);
  return known[arguments] = text;
}

void expect_none(const Findings& findings) {
  for (const std::string& finding : findings) ADD_FAILURE() << finding;
}

// A document that would stand in docs/.
Document planted(std::string_view text) {
  return parse_markdown(root() / "docs" / "planted.md", text);
}

TEST(Documents, LinksLeadSomewhere) {
  const auto documents = read_documents(root());
  EXPECT_GE(documents.size(), 20u);
  for (const Document& document : documents) expect_none(broken_links(document));
}

TEST(Documents, PathsExist) {
  for (const Document& document : read_documents(root())) expect_none(missing_paths(document, root()));
}

TEST(Documents, CodeIsQuoted) {
  for (const Document& document : read_documents(root())) expect_none(stale_quotes(document, root()));
}

TEST(Documents, CommandsAndOptionsExist) {
  for (const Document& document : read_documents(root()))
    expect_none(unknown_commands(document, program_help));
}

Document read_document(const std::string& name) {
  const fs::path path = root() / "docs" / name;
  return parse_markdown(path, read_text_file(path));
}

TEST(Documents, EveryOptionIsDescribed) {
  expect_none(undocumented_options(read_document("cli.md"), program_help));
}

TEST(Documents, EveryVariableIsDescribed) {
  expect_none(undocumented_variables(read_document("formats.md"), root()));
}

TEST(PlantedFaults, Links) {
  EXPECT_TRUE(broken_links(planted("[a](../README.md) [b](https://example.org/x) `[c](d)`")).empty());
  EXPECT_EQ(broken_links(planted("see [the guide](no-such.md)")).size(), 1u);
  EXPECT_EQ(broken_links(planted("# Here\n[a](#here) [b](#there)")).size(), 1u);
  EXPECT_TRUE(broken_links(planted("```\n[a](no-such.md)\n```")).empty());
}

TEST(PlantedFaults, Paths) {
  const auto count = [](std::string_view text) { return missing_paths(planted(text), root()).size(); };
  EXPECT_EQ(count("`src/ops/dispatch.hpp`, ops/dispatch.hpp, `fuzz/*.cpp` and src/ops/<op>/."), 0u);
  EXPECT_EQ(count("`src/ops/dispatcher.hpp`"), 1u);
  EXPECT_EQ(count("the file ops/dispatcher.hpp."), 1u);
  EXPECT_EQ(count("`fuzz/*.rs`"), 1u);
  EXPECT_EQ(count("```\ncp scripts/absent .\n```"), 1u);
  EXPECT_EQ(count("and/or, 1/2, https://example.org/docs/absent"), 0u);
}

TEST(PlantedFaults, Quotes) {
  const auto count = [](const std::string& mark, const std::string& code) {
    return stale_quotes(planted(mark + "\n```" + code + "\n```\n"), root()).size();
  };
  const std::string mark = "<!-- quote: src/ops/plus_one/plus_one.hpp -->";
  EXPECT_EQ(count(mark, "cpp\nTensor plus_one(Tensor x);"), 0u);
  EXPECT_EQ(count(mark, "cpp\n#pragma once\n...\nTensor plus_one(Tensor x);"), 0u);
  EXPECT_EQ(count(mark, "diff\n-Tensor old(Tensor x);\n+Tensor plus_one(Tensor x);"), 0u);
  EXPECT_EQ(count(mark, "cpp\nTensor plus_two(Tensor x);"), 1u);
  EXPECT_EQ(count(mark, "cpp\nTensor plus_one(Tensor x);\n...\n#pragma once"), 1u) << "out of order";
  EXPECT_EQ(count("", "cpp\nint x;"), 1u) << "quotes nothing";
  EXPECT_EQ(count("", "sh\n./run demo"), 0u);
  EXPECT_EQ(count("<!-- quote: src/absent.hpp -->", "cpp\nint x;"), 1u);
}

TEST(PlantedFaults, Commands) {
  const auto count = [](std::string_view text) {
    return unknown_commands(planted(text), program_help).size();
  };
  EXPECT_EQ(count("`tessera bringup MODEL --json` of tessera bringdown, tessera: an error, `tessera --help`"),
            0u);
  EXPECT_EQ(count("`tessera bringdown MODEL`"), 1u);
  EXPECT_EQ(count("```\nbuild/release/bin/tessera bringdown x\n```"), 1u);
  EXPECT_EQ(count("`tessera bringup MODEL --jsom --token 3`"), 2u);
}

TEST(PlantedFaults, Undocumented) {
  EXPECT_GE(undocumented_options(planted("# The commands"), program_help).size(), 5u);
  const auto findings = undocumented_options(planted("## tessera pull\nText.\n"), program_help);
  for (const std::string& finding : findings)
    EXPECT_EQ(finding.find("tessera pull"), finding.npos) << finding;
}

}  // namespace
}  // namespace tessera::test
