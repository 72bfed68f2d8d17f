#include "report/plot.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "report/figures.hpp"

namespace tessera::report::test {
namespace {

std::string drawn(const Plot& plot) {
  Html html;
  draw_plot(html, plot);
  return html.str();
}

int times(const std::string& text, const std::string& part) {
  int n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

TEST(Plot, CountsNines) {
  EXPECT_NEAR(nines(0.99), 2, 1e-9);
  EXPECT_NEAR(nines(0.9999), 4, 1e-9);
  EXPECT_EQ(nines(1), 7);
  EXPECT_EQ(nines(0), 0);
  EXPECT_EQ(nines(-0.5), 0);
  EXPECT_EQ(nines(std::numeric_limits<double>::quiet_NaN()), 0);
  EXPECT_EQ(nines(HUGE_VAL), 0);
}

TEST(Plot, TicksEncloseTheValues) {
  EXPECT_EQ(nines_ticks(2.7, 3.2),
            (std::vector<std::pair<double, std::string>>{{2, "0.99"}, {3, "0.999"}, {4, "0.9999"}}));
  EXPECT_EQ(nines_ticks(7, 7).front().second, "0.999999");
  EXPECT_EQ(decade_ticks(-2, -2), (std::vector<std::pair<double, std::string>>{{-2, "0.01"}, {-1, "0.1"}}));
}

TEST(Plot, DrawsLinesWithDotsAndStemsWithout) {
  Plot plot;
  plot.x_last = 2;
  plot.y_ticks = {{0, "0"}, {1, "1"}};
  plot.series = {{"one", {{0, 0.5, ""}, {1, 0.25, ""}, {2, 5, "miss"}}}};
  const std::string lines = drawn(plot);
  EXPECT_EQ(times(lines, "<circle"), 3);
  EXPECT_EQ(times(lines, "<polyline"), 1);
  // Beyond the range: at the edge, 12 below the top of the drawing.
  EXPECT_EQ(times(lines, "cy=\"12.0\""), 1);
  EXPECT_EQ(times(lines, "<figcaption"), 0);
  plot.stems = true;
  const std::string stems = drawn(plot);
  EXPECT_EQ(times(stems, "<circle"), 1);
  EXPECT_EQ(times(stems, "<polyline"), 0);
}

TEST(Plot, LabelsALongAxisSparsely) {
  Plot plot;
  plot.x_last = 399;
  plot.y_ticks = {{0, "0"}, {1, "1"}};
  const std::string svg = drawn(plot);
  EXPECT_EQ(times(svg, ">380</text>"), 1);
  EXPECT_EQ(times(svg, "</text>"), 2 + 20 + 2);  // ticks of y, of x, two titles
}

TEST(Figures, AreWrittenForPeople) {
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(bytes_text(1023), "1023 B");
  EXPECT_EQ(bytes_text(std::int64_t{12} << 30), "12.0 GiB");
  EXPECT_EQ(pcc_text(0.99950049), "0.999500");
  EXPECT_EQ(pcc_text(HUGE_VAL), "not finite");
  EXPECT_EQ(figure_text(0.000123456), "0.000123");
  EXPECT_EQ(measured_text(0, "ms"), "not measured");
  EXPECT_EQ(measured_text(8.123, "tok/s"), "8.12 tok/s");
  EXPECT_EQ(measured_text(1534.4, "tok/s"), "1534 tok/s");
}

}  // namespace
}  // namespace tessera::report::test
