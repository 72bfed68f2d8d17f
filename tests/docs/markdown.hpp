#pragma once
// A Markdown file as the document tests see it.
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace tessera::test {

struct Fence {
  std::string language;            // "cpp", "diff", "sh", ""
  std::string quoted;              // PATH of "<!-- quote: PATH -->" on the line above, or ""
  std::size_t line = 0;            // of its first ```
  std::vector<std::string> lines;  // without the fence's own
};

struct Document {
  std::filesystem::path path;
  std::vector<std::string> lines;  // all of them
  std::vector<bool> in_fence;      // by line
  std::vector<Fence> fences;
};

Document parse_markdown(const std::filesystem::path& path, std::string_view text);

/// Every .md file under `root`, without build folders and hidden ones.
std::vector<Document> read_documents(const std::filesystem::path& root);

/// The texts between backticks of a line.
std::vector<std::string> code_spans(std::string_view line);
/// The line without its code spans.
std::string without_code(std::string_view line);

/// The anchor that GitHub gives a heading: lower case, spaces as dashes, no punctuation.
std::string anchor_of(std::string_view heading);

}  // namespace tessera::test
