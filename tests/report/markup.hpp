#pragma once
// A reader of markup, strict where browsers forgive: every element closed in order, every attribute quoted,
// no bare < in text.
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace tessera::report::test {

struct Markup {
  struct Attribute {
    std::string element, name, value;
  };
  std::vector<std::string> elements;  // in order of their start
  std::vector<Attribute> attributes;
  std::string text;  // outside <script> and <style>, entities as they stand
};

class MarkupReader {
 public:
  explicit MarkupReader(std::string_view page) : rest_(page) {}

  /// Throws std::runtime_error that says what is wrong.
  Markup read() {
    take("<!DOCTYPE html>");
    while (!rest_.empty()) {
      if (!rest_.starts_with('<')) {
        const std::string_view text = until("<");
        require(text.find('>') == std::string_view::npos, "bare > in text");
        markup_.text += text;
      } else if (rest_.starts_with("</")) {
        take("</");
        require(!open_.empty() && open_.back() == rest_.substr(0, rest_.find('>')), "closed out of order");
        open_.pop_back();
        until(">");
        take(">");
      } else {
        start();
      }
    }
    require(open_.empty(), "never closed");
    return markup_;
  }

 private:
  void require(bool ok, const std::string& what) const {
    if (ok) return;
    throw std::runtime_error(what + " (open: " + (open_.empty() ? "none" : open_.back()) +
                             ") before: " + std::string(rest_.substr(0, 80)));
  }
  void take(std::string_view token) {
    require(rest_.starts_with(token), "expected " + std::string(token));
    rest_.remove_prefix(token.size());
    if (token == "<!DOCTYPE html>") take("\n");
  }
  std::string_view until(std::string_view stop) {
    const std::size_t end = rest_.find(stop);
    const std::string_view part = rest_.substr(0, end);
    rest_.remove_prefix(part.size());
    return part;
  }
  void start() {
    take("<");
    const std::string name(rest_.substr(0, rest_.find_first_of(" />")));
    require(!name.empty() && name.find('<') == std::string::npos, "a tag without a name");
    rest_.remove_prefix(name.size());
    markup_.elements.push_back(name);
    while (rest_.starts_with(' ')) {
      take(" ");
      const std::string attribute(until("=\""));
      require(attribute.find_first_of(" <>'\"") == std::string::npos, "odd attribute");
      take("=\"");
      markup_.attributes.push_back({name, attribute, std::string(until("\""))});
      require(markup_.attributes.back().value.find('<') == std::string::npos, "bare < in an attribute");
      take("\"");
    }
    if (rest_.starts_with("/>")) return take("/>");
    take(">");
    if (name == "meta") return;  // the only void element of the page
    if (name == "script" || name == "style") {
      until("</" + name + ">");
      take("</" + name + ">");
    } else {
      open_.push_back(name);
    }
  }

  std::string_view rest_;
  std::vector<std::string> open_;
  Markup markup_;
};

}  // namespace tessera::report::test
