#include "report/html.hpp"

#include "report/visible_text.hpp"

namespace tessera::report {

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : visible_text(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

Html::Scope::~Scope() {
  html_.out_ += "</" + tag_ + ">";
  // A line break after a block keeps the source readable; inside a line it would show as a space.
  if (tag_ != "span" && tag_ != "pre" && tag_ != "g") html_.out_ += '\n';
}

void Html::start(std::string_view tag, Attributes attributes) {
  out_ += '<';
  out_ += tag;
  for (const auto& [name, value] : attributes) {
    out_ += ' ';
    out_ += name;
    out_ += "=\"" + escape_html(value) + '"';
  }
}

Html::Scope Html::open(std::string_view tag, Attributes attributes) {
  start(tag, attributes);
  out_ += '>';
  return {*this, tag};
}

void Html::element(std::string_view tag, std::string_view content, Attributes attributes) {
  const Scope scope = open(tag, attributes);
  text(content);
}

void Html::empty(std::string_view tag, Attributes attributes) {
  start(tag, attributes);
  out_ += "/>";
}

void Html::text(std::string_view text) {
  out_ += escape_html(text);
}

void table_head(Html& html, std::initializer_list<std::string_view> headings) {
  const auto head = html.open("thead");
  const auto row = html.open("tr");
  for (const std::string_view heading : headings) html.element("th", heading, {{"scope", "col"}});
}

}  // namespace tessera::report
