#include <gtest/gtest.h>

#include <sstream>

#include "report/bringup_summary.hpp"
#include "report/visible_text.hpp"
#include "sample_report.hpp"

namespace tessera::report::test {
namespace {

TEST(BringupSummary, ReadsLikeThis) {
  BringupReport report = sample_report();
  report.checklist.erase(report.checklist.begin() + 2, report.checklist.begin() + 9);
  report.checklist[0].evidence =
      "ref engine against transformers 5.24.0: hidden states within 2.7e-06 of their scale; 400 of 400 "
      "tokens the same";
  EXPECT_EQ(bringup_summary(report, "out/report.html", {.width = 72}),
            R"(small-model on n150 (fast engine, accuracy precision)

 1  pass     Title of item 1
             ref engine against transformers 5.24.0: hidden states
             within 2.7e-06 of their scale; 400 of 400 tokens the same
 2  fail     Title of item 2
             layers.4.self_attn: PCC 0.998685, needs 0.999
             evidence
10  skipped  Title of item 10
             not built yet

3 generated tokens: top-1 66.5 %, top-5 100.0 %, KL 0.0075, logits PCC
  0.998500
speed: prefill 696 tok/s, decode 39.9 tok/s, first token after 89.2 ms
one device: prefill 140 tok/s, decode 42.2 tok/s, weights 189.8 MiB a
  chip
tensor parallel 2: prefill 156 tok/s, decode 61.5 tok/s, weights 125.9
  MiB a chip
tensor parallel 2, fractured: left out: the sample family has no such
  form
memory: weights 190.0 MiB, KV cache 17.0 MiB, peak 753.0 MiB of 12.0 GiB

> Hello?
I am fine, and you?

1 of 3 items pass, 1 fails, 1 skipped in 61 s
report: out/report.html
)");
}

TEST(BringupSummary, LeavesOutWhatWasNotRun) {
  BringupReport report = sparse_report();
  report.checklist.resize(1);
  report.device = "cpu";
  report.engine = "ref";
  report.precision = "fp32";
  EXPECT_EQ(bringup_summary(report, "report.html"), R"(small-model on cpu (ref engine, fp32 precision)

 1  skipped  Title of item 1
             its phase was not run

0 of 1 items pass, 1 skipped in 0 s
report: report.html
)");
}

TEST(BringupSummary, ColoursOnlyWhenAsked) {
  EXPECT_EQ(bringup_summary(sample_report(), "r.html").find('\x1B'), std::string::npos);
  const std::string coloured = bringup_summary(sample_report(), "r.html", {.colour = true});
  EXPECT_NE(coloured.find("\x1B[32mpass   \x1B[0m"), std::string::npos);
  EXPECT_NE(coloured.find("\x1B[1;31mfail   \x1B[0m"), std::string::npos);
}

TEST(BringupSummary, StaysWithinTheWidth) {
  BringupReport report = sample_report();
  report.checklist[0].evidence = std::string(300, 'x') + " \u00E9\u00E9 " + std::string(50, 'y');
  report.generations[0].text = "one\n\ntwo " + std::string(200, 'z');
  for (const int width : {50, 57, 80}) {
    std::istringstream lines(bringup_summary(report, "r.html", {.width = width}));
    std::getline(lines, report.model);  // the heading is one line
    for (std::string line; std::getline(lines, line);) EXPECT_LE(character_count(line), width) << line;
  }
}

TEST(BringupSummary, IsNeverNarrowerOrWiderThanReadable) {
  const BringupReport report = sample_report();
  EXPECT_EQ(bringup_summary(report, "r.html", {.width = 1}),
            bringup_summary(report, "r.html", {.width = 50}));
  EXPECT_EQ(bringup_summary(report, "r.html", {.width = 900}),
            bringup_summary(report, "r.html", {.width = 100}));
}

TEST(BringupSummary, KeepsTheModelFromTheTerminal) {
  BringupReport report = sample_report();
  report.generations[0].text =
      "\x1B]0;title\x07 \x9B"
      "2J \u009B2J ok";
  report.checklist[0].evidence = "text: \"\x1B[2J\"";
  const std::string text = bringup_summary(report, "r.html");
  EXPECT_NE(text.find("\u241B]0;title\u2407 \uFFFD2J \uFFFD2J ok"), std::string::npos) << text;
  EXPECT_EQ(text.find_first_of("\x1B\x07"), std::string::npos);
}

}  // namespace
}  // namespace tessera::report::test
