#pragma once
// A small plot as inline SVG: lines or stems over a whole-number axis, one threshold, a text on hover.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "report/html.hpp"

namespace tessera::report {

struct PlotPoint {
  double x = 0, y = 0;
  std::string mark;  // a CSS class that sets it apart ("miss"); empty: an ordinary point
};

struct PlotSeries {
  std::string name;
  std::vector<PlotPoint> points;  // by growing x
};

struct Plot {
  std::string title;  // for readers that do not see it
  std::string x_title, y_title;
  double x_last = 0;                                    // x runs from 0 to here
  std::vector<std::pair<double, std::string>> y_ticks;  // by growing y; the first and last are the range
  std::vector<PlotSeries> series;
  bool stems = false;  // from the bottom up, instead of a line through the points
  std::optional<std::pair<double, std::string>> threshold;
  std::vector<std::pair<double, std::string>> hovers;  // x -> what is shown there
};

/// A <figure> with its legend. Points outside the range of y are drawn at its edge.
void draw_plot(Html& html, const Plot& plot);

/// PCC on an axis of nines, -log10(1 - pcc) from 0 (no correlation) to 7: 0.99 is 2, 0.999 is 3, so that both
/// a broken layer and one a little worse than its neighbour show.
double nines(double pcc);

/// Ticks for values on that axis: a label at each whole number from below the least to above the largest.
std::vector<std::pair<double, std::string>> nines_ticks(double least, double largest);

/// Ticks of an axis of log10.
std::vector<std::pair<double, std::string>> decade_ticks(double least, double largest);

}  // namespace tessera::report
