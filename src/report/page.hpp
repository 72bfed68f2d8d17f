#pragma once
// The sources of the page, compiled in from page/ (see CMakeLists.txt).
#include <string_view>

namespace tessera::report {

std::string_view page_html();
std::string_view page_css();
std::string_view page_ops_js();
std::string_view page_tips_js();

}  // namespace tessera::report
