#pragma once
// Writes HTML and SVG so that every text is escaped and every tag closed by construction.
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tessera::report {

/// Text for a page, in an element or a quoted attribute: visible_text(), then & < > " ' as entities.
std::string escape_html(std::string_view text);

class Html {
 public:
  using Attributes = std::initializer_list<std::pair<std::string_view, std::string>>;

  /// An open element; it is closed when this goes out of scope.
  class Scope {
   public:
    Scope(Html& html, std::string_view tag) : html_(html), tag_(tag) {}
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Html& html_;
    std::string tag_;
  };

  [[nodiscard]] Scope open(std::string_view tag, Attributes attributes = {});
  /// An element that holds text only.
  void element(std::string_view tag, std::string_view text, Attributes attributes = {});
  /// An element without content, of SVG: <rect .../>.
  void empty(std::string_view tag, Attributes attributes);
  void text(std::string_view text);
  const std::string& str() const { return out_; }

 private:
  void start(std::string_view tag, Attributes attributes);
  std::string out_;
};

/// A <th> for each heading, inside <thead>.
void table_head(Html& html, std::initializer_list<std::string_view> headings);

}  // namespace tessera::report
