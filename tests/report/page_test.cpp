#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "markup.hpp"
#include "report/bringup_html.hpp"
#include "report/bringup_json.hpp"
#include "sample_report.hpp"

namespace tessera::report::test {
namespace {

Markup read(const std::string& page) {
  return MarkupReader(page).read();
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

nlohmann::json embedded_rows(const std::string& page) {
  const std::string start = "id=\"ops-rows\">";
  const std::size_t begin = page.find(start) + start.size();
  return nlohmann::json::parse(page.substr(begin, page.find("</script>", begin) - begin));
}

long elements(const Markup& markup, const std::string& name) {
  return std::ranges::count(markup.elements, name);
}

TEST(BringupHtml, ShowsWhatTheReportHas) {
  const std::string page = bringup_html(sample_report());
  const Markup markup = read(page);
  for (int item = 1; item <= 10; ++item)
    EXPECT_TRUE(contains(markup.text, "Title of item " + std::to_string(item))) << item;
  for (const char* part : {"small-model",
                           "n150",
                           "LlamaForCausalLM",
                           "fast",
                           "accuracy",
                           "avx2",
                           "2026-11-25 06:38",
                           "0.1.0",
                           "transformers 5.24.0",
                           "8 of 10 items pass, 1 fails, 1 skipped",
                           "hidden_size",
                           "576",
                           "layers.4.self_attn: PCC 0.998685, needs 0.999",
                           "not built yet",
                           "needs 0.998",
                           "66.5 %",
                           "77.5 ms",
                           "a remark",
                           "0.999960",
                           "row 5 is off",
                           "2 disagreements",
                           "12 \u201C tea\u201D",
                           "13 \u201C \u240A\u201D",
                           "parts at token 4 of 2",
                           "repeats",
                           "as a chat, prompt by decode",
                           "prefill, pages shuffled",
                           "0.999990",
                           "190.0 MiB",
                           "753.0 MiB",
                           "801.0 MiB",
                           "0.0025",
                           "92.5",
                           "12.0 GiB",
                           "696 tok/s",
                           "89.2 ms",
                           "The trace holds 512 commands: 9.0 MiB of trace region, 3.0 MiB of tensors",
                           "eager, asynchronous",
                           "queue 1",
                           "copy_to_host  0.250 ms",
                           "2 comparisons, 1 below"}) {
    EXPECT_TRUE(contains(markup.text, part)) << part;
  }
}

TEST(BringupHtml, OpensWithTheOutcome) {
  const auto outcome = [](const BringupReport& report) {
    const std::string page = bringup_html(report);
    const std::size_t verdict = page.find("<p class=\"verdict\">");
    return page.substr(verdict, page.find("</span>", verdict) - verdict);
  };
  BringupReport report = sample_report();
  EXPECT_TRUE(outcome(report).ends_with(">fail"));
  report.checklist[1].status = Status::Pass;
  EXPECT_TRUE(outcome(report).ends_with(">pass"));
  EXPECT_TRUE(outcome(sparse_report()).ends_with(">skipped"));
}

TEST(BringupHtml, MarksWhereTheTextsPart) {
  const std::string page = bringup_html(sample_report());
  EXPECT_TRUE(contains(page, "<pre>I am fine<span class=\"parted\">, and you?</span></pre>"));
  EXPECT_TRUE(contains(page, "<pre>I am fine<span class=\"parted\">. You?</span></pre>"));
}

TEST(BringupHtml, DrawsThePlots) {
  const Markup markup = read(bringup_html(sample_report()));
  EXPECT_EQ(elements(markup, "svg"), 3);
  EXPECT_EQ(elements(markup, "polyline"), 2);  // decode and prefill
  const auto has = [&](const std::string& element, const std::string& css) {
    return std::ranges::count_if(markup.attributes, [&](const Markup::Attribute& a) {
      return a.element == element && a.name == "class" && a.value == css;
    });
  };
  EXPECT_EQ(has("rect", "hover"), 2 + 3);                         // two layers, three tokens
  EXPECT_EQ(has("rect", "span s0") + has("rect", "span s1"), 2);  // a command of each queue
  EXPECT_EQ(has("line", "threshold"), 1);
  EXPECT_EQ(has("line", "point miss"), 1);
  EXPECT_EQ(has("line", "point miss far"), 1);
}

TEST(BringupHtml, EmbedsTheRowsOfTheTable) {
  const nlohmann::json table = embedded_rows(bringup_html(sample_report()));
  const std::vector<std::string> columns = table["columns"];
  ASSERT_EQ(table["rows"].size(), 2u);
  const auto column = [&](const std::string& name) {
    return static_cast<std::size_t>(std::ranges::find(columns, name) - columns.begin());
  };
  EXPECT_EQ(table["rows"][1][column("phase")], "prefill");
  EXPECT_EQ(table["rows"][1][column("pcc")], 0.9);
  EXPECT_EQ(table["rows"][0][column("own_pcc")], 0.9975);
  EXPECT_EQ(table["rows"][0][column("note")], "scale 1.50");
}

TEST(BringupHtml, LoadsNothing) {
  const std::string page = bringup_html(sample_report());
  for (const Markup::Attribute& a : read(page).attributes) {
    EXPECT_NE(a.name, "src") << a.element;
    EXPECT_FALSE(a.name.starts_with("on")) << a.name;
    EXPECT_TRUE(a.name != "href" || a.value.starts_with("#")) << a.value;
  }
  for (const char* part : {"http://", "https://", "@import", "url(", "fetch(", "import("})
    EXPECT_FALSE(contains(page, part)) << part;
  EXPECT_TRUE(contains(page, "default-src 'none'"));
}

TEST(BringupHtml, LinksOnlyToSectionsThatExist) {
  const Markup markup = read(bringup_html(sparse_report()));
  std::set<std::string> ids, targets;
  for (const Markup::Attribute& a : markup.attributes) {
    EXPECT_TRUE(a.name != "id" || ids.insert(a.value).second) << a.value << " twice";
    if (a.name == "href") targets.insert(a.value.substr(1));
  }
  EXPECT_EQ(targets.size(), 9u);
  for (const std::string& target : targets) EXPECT_TRUE(ids.contains(target)) << target;
}

// Every text below this value becomes `text`; a status is one of three words.
void replace_texts(nlohmann::ordered_json& json, const std::string& text) {
  for (auto& [key, value] : json.items()) {
    if (value.is_string() && key != "status") value = text;
    if (value.is_structured()) replace_texts(value, text);
  }
}

TEST(BringupHtml, EscapesEveryTextOfTheModel) {
  // Every string of the report, hostile: through JSON, so that no field is forgotten when one is added.
  const std::string hostile = "</script><script>alert(1)</script><!-- \"'&\x01\x1B[31m\xFF {{rows}} \u202E";
  nlohmann::ordered_json json = to_json(sample_report());
  replace_texts(json, hostile);
  BringupReport report = from_json(json);
  ASSERT_EQ(report.generations[0].reference_text, hostile);
  report.config[0].first = report.thresholds[0].first = hostile;

  const std::string page = bringup_html(report);
  const Markup markup = read(page);
  EXPECT_EQ(elements(markup, "script"), elements(read(bringup_html(sample_report())), "script"));
  EXPECT_FALSE(contains(page, "<script>alert"));
  EXPECT_FALSE(contains(page, "<!--"));
  for (const char* raw : {"\x01", "\x1B", "\xFF", "\u202E"}) {
    EXPECT_FALSE(contains(markup.text, raw));
    for (const Markup::Attribute& a : markup.attributes) EXPECT_FALSE(contains(a.value, raw)) << a.name;
  }
  EXPECT_TRUE(contains(markup.text, "&lt;/script&gt;&lt;script&gt;alert(1)"));
  EXPECT_TRUE(contains(markup.text, "\u2401\u241B[31m\uFFFD {{rows}} \uFFFD"));
  const nlohmann::json table = embedded_rows(page);
  EXPECT_EQ(table["rows"][0][0],
            "</script><script>alert(1)</script><!-- \"'&\x01\x1B[31m\uFFFD {{rows}} \u202E");
}

TEST(BringupHtml, NamesThePhasesThatWereNotRun) {
  const Markup markup = read(bringup_html(sparse_report()));
  for (const char* part :
       {"No comparison layer by layer: phase 4", "No token comparison: phase 4", "No generated text: phase 4",
        "No equivalence of prefill, decode, chunks and pages: phase 5", "Not measured: no phase was run",
        "No measurement of speed: phase 5", "No comparison of eager, traced and queued steps: phase 6",
        "No comparison op by op: phase 1"}) {
    EXPECT_TRUE(contains(markup.text, part)) << part;
  }
  EXPECT_EQ(elements(markup, "svg"), 0);
}

TEST(BringupHtml, StandsFiguresThatAreNotFinite) {
  BringupReport report = sample_report();
  report.layers[0].pcc = report.ops[0].pcc = HUGE_VAL;
  report.accuracy[0].positions[0].kl = report.accuracy[0].positions[1].kl = std::nan("");
  report.accuracy[0].kl_mean = std::nan("");
  report.memory.device_capacity_bytes = 0;
  const std::string page = bringup_html(report);
  EXPECT_TRUE(contains(read(page).text, "not finite"));
  for (const Markup::Attribute& a : read(page).attributes) {
    EXPECT_FALSE(contains(a.value, "nan")) << a.element << ' ' << a.name << ' ' << a.value;
    EXPECT_FALSE(contains(a.value, "inf")) << a.element << ' ' << a.name << ' ' << a.value;
  }
}

}  // namespace
}  // namespace tessera::report::test
