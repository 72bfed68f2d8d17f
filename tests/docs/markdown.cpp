#include "markdown.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <sstream>

#include "util/file.hpp"

namespace tessera::test {
namespace fs = std::filesystem;
namespace {

constexpr std::array kSkipped{"build", "target", "node_modules", "tessera-report", "__pycache__"};

// PATH of "<!-- quote: PATH -->".
std::string quote_of(std::string_view line) {
  constexpr std::string_view kBegin = "<!-- quote: ", kEnd = " -->";
  if (!line.starts_with(kBegin) || !line.ends_with(kEnd)) return {};
  return std::string(line.substr(kBegin.size(), line.size() - kBegin.size() - kEnd.size()));
}

}  // namespace

Document parse_markdown(const fs::path& path, std::string_view text) {
  Document document;
  document.path = path;
  bool inside = false;
  std::istringstream stream{std::string(text)};
  for (std::string line; std::getline(stream, line);) {
    const bool mark = line.starts_with("```");
    if (mark && !inside) {
      Fence fence;
      fence.language = line.substr(3);
      fence.line = document.lines.size() + 1;
      if (!document.lines.empty()) fence.quoted = quote_of(document.lines.back());
      document.fences.push_back(std::move(fence));
    } else if (inside && !mark) {
      document.fences.back().lines.push_back(line);
    }
    if (mark) inside = !inside;
    document.in_fence.push_back(inside || mark);
    document.lines.push_back(std::move(line));
  }
  return document;
}

std::vector<Document> read_documents(const fs::path& root) {
  std::vector<fs::path> paths;
  for (auto it = fs::recursive_directory_iterator(root); it != fs::end(it); ++it) {
    const std::string name = it->path().filename().string();
    if (it->is_directory() &&
        (name.starts_with('.') || std::ranges::find(kSkipped, name) != kSkipped.end())) {
      it.disable_recursion_pending();
    } else if (it->is_regular_file() && name.ends_with(".md")) {
      paths.push_back(it->path());
    }
  }
  std::ranges::sort(paths);
  std::vector<Document> documents;
  documents.reserve(paths.size());
  for (const auto& path : paths) documents.push_back(parse_markdown(path, read_text_file(path)));
  return documents;
}

std::vector<std::string> code_spans(std::string_view line) {
  std::vector<std::string> spans;
  for (std::size_t begin = line.find('`'); begin != line.npos;) {
    const std::size_t end = line.find('`', begin + 1);
    if (end == line.npos) break;
    spans.emplace_back(line.substr(begin + 1, end - begin - 1));
    begin = line.find('`', end + 1);
  }
  return spans;
}

std::string without_code(std::string_view line) {
  std::string text;
  bool code = false;
  for (const char c : line) {
    if (c == '`') code = !code;
    if (!code) text += c;
  }
  return text;
}

std::string anchor_of(std::string_view heading) {
  std::string anchor;
  for (const char c : heading) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '-' || c == '_') anchor += static_cast<char>(std::tolower(byte));
    if (c == ' ') anchor += '-';
  }
  return anchor;
}

}  // namespace tessera::test
