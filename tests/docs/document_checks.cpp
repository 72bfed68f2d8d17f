#include "document_checks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <regex>

#include "util/file.hpp"

namespace tessera::test {
namespace fs = std::filesystem;
namespace {

constexpr std::array kTopFolders{"src",  "apps",  "tests", "docs",     "python", "scripts",
                                 "rust", "cmake", "fuzz",  "examples", "bench",  ".ci"};

bool has_anchor(const Document& target, const std::string& anchor) {
  for (std::size_t i = 0; i < target.lines.size(); ++i) {
    const std::string& line = target.lines[i];
    if (target.in_fence[i] || !line.starts_with('#')) continue;
    const std::size_t begin = line.find_first_not_of("# ");
    if (begin != line.npos && anchor_of(line.substr(begin)) == anchor) return true;
  }
  return false;
}

// A last part like "*.cpp" or "test_*" has at least one file.
bool matches_something(const fs::path& pattern) {
  const std::string name = pattern.filename().string();
  const std::size_t star = name.find('*');
  if (pattern.parent_path().string().find('*') != std::string::npos ||
      !fs::is_directory(pattern.parent_path()))
    return false;
  const std::string begin = name.substr(0, star), end = name.substr(star + 1);
  return std::ranges::any_of(fs::directory_iterator(pattern.parent_path()), [&](const auto& entry) {
    const std::string file = entry.path().filename().string();
    return file.starts_with(begin) && file.ends_with(end);
  });
}

bool is_there(const fs::path& path) {
  return path.string().find('*') == std::string::npos ? fs::exists(path) : matches_something(path);
}

// Where a path of a text would be: top folders from the root, rooms from src/. Empty: not a path of ours.
fs::path place_of(const std::string& token, const fs::path& root) {
  const std::size_t slash = token.find('/');
  if (slash == token.npos) return {};
  const std::string first = token.substr(0, slash);
  if (std::ranges::find(kTopFolders, first) != kTopFolders.end()) return root / token;
  const std::string kind = fs::path(token).extension().string();
  const bool source = kind == ".hpp" || kind == ".cpp" || kind == ".h" || kind == ".md";
  if (source && !first.empty() && first != "." && first != ".." && fs::is_directory(root / "src" / first))
    return root / "src" / token;
  return {};
}

// Pieces of a quotation between "..." lines; of a diff, the new side.
std::vector<std::string> pieces_of(const Fence& fence) {
  std::vector<std::string> pieces(1);
  for (std::string line : fence.lines) {
    if (fence.language == "diff") {
      if (line.starts_with("---") || line.starts_with("+++") || line.starts_with("@@") ||
          line.starts_with('-'))
        continue;
      line = line.empty() ? line : line.substr(1);
    }
    const std::size_t begin = line.find_first_not_of(" /");
    if (begin != line.npos && line.substr(begin) == "...") {
      pieces.emplace_back();
    } else {
      pieces.back() += line + "\n";
    }
  }
  return pieces;
}

}  // namespace

std::string at(const Document& document, std::size_t line, const std::string& what) {
  return fmt::format("{}:{}: {}", document.path.string(), line, what);
}

Findings broken_links(const Document& document) {
  static const std::regex link("\\]\\(([^)\\s]+)\\)");
  Findings findings;
  for (std::size_t i = 0; i < document.lines.size(); ++i) {
    if (document.in_fence[i]) continue;
    const std::string text = without_code(document.lines[i]);
    for (std::sregex_iterator it(text.begin(), text.end(), link), end; it != end; ++it) {
      const std::string target = (*it)[1];
      if (target.find("://") != target.npos || target.starts_with("mailto:")) continue;
      const std::size_t hash = target.find('#');
      const std::string file = target.substr(0, hash);
      const fs::path path = document.path.parent_path() / file;
      if (!fs::exists(path)) {
        findings.push_back(at(document, i + 1, "no file for the link " + target));
        continue;
      }
      if (hash == target.npos) continue;
      const Document other = file.empty() ? document : parse_markdown(path, read_text_file(path));
      if (!has_anchor(other, target.substr(hash + 1)))
        findings.push_back(at(document, i + 1, "no heading for the link " + target));
    }
  }
  return findings;
}

Findings missing_paths(const Document& document, const fs::path& root) {
  static const std::regex token("[A-Za-z0-9_./*+-]+");
  Findings findings;
  for (std::size_t i = 0; i < document.lines.size(); ++i) {
    const std::string& line = document.lines[i];
    for (std::sregex_iterator it(line.begin(), line.end(), token), end; it != end; ++it) {
      // "https://…/docs/x" and "$HOME/src/x" are not ours.
      const auto before = static_cast<std::size_t>(it->position());
      if (before > 0 && (line[before - 1] == ':' || line[before - 1] == '$' || line[before - 1] == '~'))
        continue;
      std::string path = it->str();
      while (path.ends_with('.') || path.ends_with('-')) path.pop_back();
      const fs::path place = place_of(path, root);
      if (!place.empty() && !is_there(place)) findings.push_back(at(document, i + 1, "no file " + path));
    }
  }
  return findings;
}

Findings stale_quotes(const Document& document, const fs::path& root) {
  Findings findings;
  for (const Fence& fence : document.fences) {
    if (fence.quoted.empty()) {
      if (fence.language == "cpp" || fence.language == "diff")
        findings.push_back(
            at(document, fence.line, "code that quotes no file: put <!-- quote: PATH --> above it"));
      continue;
    }
    if (!fs::is_regular_file(root / fence.quoted)) {
      findings.push_back(at(document, fence.line, "no file " + fence.quoted));
      continue;
    }
    const std::string source = read_text_file(root / fence.quoted);
    std::size_t from = 0;
    for (const std::string& piece : pieces_of(fence)) {
      const std::size_t found = source.find(piece, from);
      if (found == source.npos || (found > 0 && source[found - 1] != '\n')) {
        findings.push_back(
            at(document, fence.line, fmt::format("{} does not hold:\n{}", fence.quoted, piece)));
        break;
      }
      from = found + piece.size();
    }
  }
  return findings;
}

}  // namespace tessera::test
