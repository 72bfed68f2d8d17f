#pragma once
// The sources of the pages, compiled in from page/ (see CMakeLists.txt), and a page without scripts.
#include <string>
#include <string_view>

namespace tessera::report {

std::string_view page_html();
std::string_view page_css();
std::string_view page_ops_js();
std::string_view page_tips_js();

/// A whole page that loads nothing and runs nothing: `title` as text, `style` beyond page_css(), `body` as
/// HTML.
std::string still_page(std::string_view title, std::string_view style, std::string_view body);

}  // namespace tessera::report
