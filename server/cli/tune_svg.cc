// The picture of tune_curve.h: plain shapes and text, nothing that a viewer has to fetch.
#include <algorithm>
#include <cmath>

#include "server/cli/table.h"
#include "server/cli/tune_curve.h"

namespace kith {
namespace {

constexpr double kWidth = 860, kHeight = 540;
constexpr double kLeft = 80, kRight = 700, kTop = 70, kBottom = 470;  // of the plot
constexpr double kMissedMin =
    1e-4;  // recalls beyond are drawn there: so much a measurement cannot tell apart
constexpr double kRecallTicks[] = {0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 1};
// Colours that people tell apart who see few (Okabe and Ito, 2008), and marks for those who see none.
constexpr const char* kColours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00"};

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

/// Grows with recall, by the share that is missed.
double nines(double recall) {
  return -std::log10(std::clamp(1 - recall, kMissedMin, 1.0));
}

class Picture {
 public:
  explicit Picture(const TuneCurves& curves) : curves_(curves), ks_(curves.ks()) {
    for (const TunePoint& point : curves.points) {
      recall_min_ = std::min(recall_min_, nines(point.recall));
      recall_max_ = std::max(recall_max_, nines(point.recall));
      us_min_ = std::min(us_min_, point.latency_us);
      us_max_ = std::max(us_max_, point.latency_us);
    }
    if (curves.points.empty()) recall_min_ = 0, us_min_ = 1, us_max_ = 10;
    recall_max_ = std::max(recall_max_, recall_min_ + 0.5);
    us_min_ = std::max(us_min_, 0.1) / 1.2;
    us_max_ = std::max(us_max_ * 1.2, us_min_ * 4);
  }

  std::string draw() {
    out_ = fmt::format(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" width=\"{0}\" height=\"{1}\" "
        "viewBox=\"0 0 {0} {1}\" font-family=\"sans-serif\" font-size=\"13\">\n"
        "<rect width=\"{0}\" height=\"{1}\" fill=\"white\"/>\n",
        kWidth, kHeight);
    text(kLeft, 28, "start",
         fmt::format("Recall and latency of '{}', field '{}'", curves_.collection, curves_.field),
         "font-size=\"17\" font-weight=\"bold\"");
    text(kLeft, 50, "start",
         fmt::format("{} vectors, {:.0f} bytes of memory each; {} queries, one at a time, without a filter",
                     human_count(curves_.rows), curves_.bytes_per_vector, human_count(curves_.queries)));
    recall_axis();
    latency_axis();
    for (size_t i = 0; i < ks_.size(); ++i) curve(i);
    legend();
    return std::move(out_) + "</svg>\n";
  }

 private:
  double x(double recall) const {
    return kLeft + (nines(recall) - recall_min_) / (recall_max_ - recall_min_) * (kRight - kLeft);
  }
  double y(double us) const {
    return kBottom - std::log(us / us_min_) / std::log(us_max_ / us_min_) * (kBottom - kTop);
  }

  void line(double x1, double y1, double x2, double y2, const char* colour) {
    out_ += fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\"/>\n", x1,
                        y1, x2, y2, colour);
  }
  void text(double at_x, double at_y, const char* anchor, std::string_view words, const char* more = "") {
    out_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" {}>{}</text>\n", at_x, at_y,
                        anchor, more, escaped(words));
  }

  void recall_axis() {
    for (const double recall : kRecallTicks) {
      if (nines(recall) < recall_min_ - 1e-9 || nines(recall) > recall_max_ + 1e-9) continue;
      line(x(recall), kTop, x(recall), kBottom, "#dddddd");
      text(x(recall), kBottom + 20, "middle", fmt::format("{}", recall));
    }
    line(kLeft, kBottom, kRight, kBottom, "black");
    text((kLeft + kRight) / 2, kBottom + 48, "middle", "recall@k, mean over queries");
  }

  void latency_axis() {
    for (double decade = std::pow(10, std::floor(std::log10(us_min_))); decade <= us_max_; decade *= 10) {
      for (const double step : {1.0, 2.0, 5.0}) {
        const double us = decade * step;
        if (us < us_min_ || us > us_max_) continue;
        line(kLeft, y(us), kRight, y(us), "#dddddd");
        text(kLeft - 8, y(us) + 4, "end", fmt::format("{}", us));
      }
    }
    line(kLeft, kTop, kLeft, kBottom, "black");
    const double middle = (kTop + kBottom) / 2;
    text(24, middle, "middle", "latency in the index, median, µs",
         fmt::format("transform=\"rotate(-90 24 {:.1f})\"", middle).c_str());
  }

  void mark(size_t i, double at_x, double at_y) {
    const char* colour = kColours[i % std::size(kColours)];
    if (i % 3 == 0)
      out_ +=
          fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.5\" fill=\"{}\"/>\n", at_x, at_y, colour);
    else if (i % 3 == 1)
      out_ += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"6.4\" height=\"6.4\" fill=\"{}\"/>\n",
                          at_x - 3.2, at_y - 3.2, colour);
    else
      out_ +=
          fmt::format("<path d=\"M {:.1f} {:.1f} l 4 7 l -8 0 z\" fill=\"{}\"/>\n", at_x, at_y - 4, colour);
  }

  void curve(size_t i) {
    std::string way;
    for (const TunePoint& point : curves_.points)
      if (point.k == ks_[i]) way += fmt::format("{:.1f},{:.1f} ", x(point.recall), y(point.latency_us));
    out_ += fmt::format("<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.5\"/>\n", way,
                        kColours[i % std::size(kColours)]);
    for (size_t p = 0; p < curves_.points.size(); ++p) {
      const TunePoint& point = curves_.points[p];
      if (point.k != ks_[i]) continue;
      mark(i, x(point.recall), y(point.latency_us));
      if (curves_.chosen != p) continue;
      out_ += fmt::format(
          "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"8\" fill=\"none\" stroke=\"black\" "
          "stroke-width=\"1.5\"/>\n",
          x(point.recall), y(point.latency_us));
      text(x(point.recall) - 12, y(point.latency_us) - 12, "end",
           fmt::format("chosen: {:.4f} in {:.0f} µs", point.recall, point.latency_us));
    }
  }

  void legend() {
    const double left = kRight + 30;
    text(left, kTop + 4, "start", "hits asked for");
    for (size_t i = 0; i < ks_.size(); ++i) {
      const double at_y = kTop + 28 + 22 * static_cast<double>(i);
      mark(i, left + 6, at_y - 4);
      text(left + 20, at_y, "start", fmt::format("k = {}", ks_[i]));
    }
  }

  const TuneCurves& curves_;
  const std::vector<uint64_t> ks_;
  double recall_min_ = HUGE_VAL, recall_max_ = 0;  // as nines
  double us_min_ = HUGE_VAL, us_max_ = 0;
  std::string out_;
};

}  // namespace

std::string tune_svg(const TuneCurves& curves) {
  return Picture(curves).draw();
}

}  // namespace kith
