#include "report/html.hpp"

#include <gtest/gtest.h>

#include "report/visible_text.hpp"

namespace tessera::report::test {
namespace {

TEST(Html, ClosesWhatItOpens) {
  Html html;
  {
    const auto outer = html.open("pre", {{"class", "a\"b"}});
    html.element("span", "1 < 2");
    html.empty("rect", {{"x", "1"}});
  }
  EXPECT_EQ(html.str(), "<pre class=\"a&quot;b\"><span>1 &lt; 2</span><rect x=\"1\"/></pre>");
}

TEST(Html, EscapesText) {
  EXPECT_EQ(escape_html("<a href='x'>&amp;\"</a>"), "&lt;a href=&#39;x&#39;&gt;&amp;amp;&quot;&lt;/a&gt;");
}

TEST(VisibleText, KeepsWhatPeopleRead) {
  const std::string text = "na\u00EFve \u4F60\u597D \U0001F600 \u00A0";
  EXPECT_EQ(visible_text(text), text);
  EXPECT_EQ(visible_text("a\tb\n"), "a\tb\n");
}

TEST(VisibleText, ShowsControlCharacters) {
  using namespace std::string_view_literals;
  EXPECT_EQ(visible_text("\0\x1B\r\x7F"sv), "\u2400\u241B\u240D\u2421");
  EXPECT_EQ(visible_text("a\tb\n", Breaks::Show), "a\u2409b\u240A");
}

TEST(VisibleText, ReplacesWhatActsUnseen) {
  // CSI as one character; direction overrides and isolates, first and last of each; their neighbours stay.
  EXPECT_EQ(visible_text("\u009B31m"), "\uFFFD31m");
  EXPECT_EQ(visible_text("\u202A\u202E\u2066\u2069"), "\uFFFD\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(visible_text("\u2029\u202F\u2065\u206A"), "\u2029\u202F\u2065\u206A");
}

TEST(VisibleText, ReplacesEachByteThatIsNotUtf8) {
  EXPECT_EQ(visible_text("a\xFFz\xE2\x82"), "a\uFFFDz\uFFFD\uFFFD");
  EXPECT_EQ(visible_text("\xC0\xAF"), "\uFFFD\uFFFD");
}

TEST(VisibleText, CountsCharacters) {
  EXPECT_EQ(character_count("na\u00EFve \u20AC"), 7);
}

}  // namespace
}  // namespace tessera::report::test
