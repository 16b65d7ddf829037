#include "bench/harness/curve.h"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <vector>

extern char** environ;

namespace kith::bench {
namespace {

constexpr double kWidth = 860, kHeight = 520;
constexpr double kLeft = 84, kRight = 210, kTop = 76, kBottom = 64;  // margins; the legend is on the right
constexpr double kRecallTicks[] = {0.0,  0.5,   0.7,   0.8,   0.9,    0.95,  0.98,
                                   0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999};
constexpr double kMissMin = 5e-5;  // a recall of 1 is drawn here
constexpr const char* kOurColors[] = {"#1f5fbf", "#0f8a8a", "#6a3fb5"};
constexpr const char* kRivalColors[] = {"#c2571a", "#8a6d00", "#a3336b", "#5b6570"};

double nines(double recall) {
  return -std::log10(std::max(1.0 - recall, kMissMin));
}

std::string escape(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '&')
      out += "&amp;";
    else if (c == '"')
      out += "&quot;";
    else if (static_cast<unsigned char>(c) >= ' ')
      out += c;
  }
  return out;
}

/// What the axes span, and where a point falls.
struct Axes {
  double nines_min = 0, nines_max = 1;  // of recall
  double log_min = 2, log_max = 4;      // log10 of QPS

  double x(double recall) const {
    double share = (nines(recall) - nines_min) / (nines_max - nines_min);
    return kLeft + std::clamp(share, 0.0, 1.0) * (kWidth - kLeft - kRight);
  }
  double y(double qps) const {
    double share = (std::log10(std::max(qps, 1e-3)) - log_min) / (log_max - log_min);
    return kHeight - kBottom - std::clamp(share, 0.0, 1.0) * (kHeight - kTop - kBottom);
  }
};

/// Ticks around all points: the axes start and end on ticks, so that every point has a labelled line on both
/// sides.
Axes fit(std::span<const DrawnCurve> curves) {
  double recall_min = 1, recall_max = 0, qps_min = 1e12, qps_max = 0;
  for (const DrawnCurve& drawn : curves) {
    for (const CurvePoint& point : drawn.curve.points) {
      recall_min = std::min(recall_min, point.recall);
      recall_max = std::max(recall_max, point.recall);
      qps_min = std::min(qps_min, point.qps);
      qps_max = std::max(qps_max, point.qps);
    }
  }
  if (qps_max <= 0) return {};
  Axes axes;
  axes.nines_min = 0;
  for (double tick : kRecallTicks)
    if (tick <= recall_min) axes.nines_min = nines(tick);
  axes.nines_max = std::max(nines(recall_max), axes.nines_min + 0.3);
  axes.log_min = std::log10(qps_min * 0.9);
  axes.log_max = std::max(std::log10(qps_max * 1.1), axes.log_min + 0.5);
  return axes;
}

std::string text_at(double x, double y, const char* style, const std::string& text) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" {}>{}</text>\n", x, y, style, escape(text));
}

std::string line_at(double x1, double y1, double x2, double y2, const char* style) {
  return fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" {}/>\n", x1, y1, x2, y2,
                     style);
}

std::string draw_recall_axis(const Axes& axes) {
  std::string svg;
  for (double tick : kRecallTicks) {
    if (nines(tick) < axes.nines_min || nines(tick) > axes.nines_max) continue;
    double x = axes.x(tick);
    svg += line_at(x, kTop, x, kHeight - kBottom, "class=\"grid\"");
    svg += text_at(x, kHeight - kBottom + 18, "text-anchor=\"middle\"", fmt::format("{}", tick));
  }
  double middle = (kLeft + kWidth - kRight) / 2;
  return svg +
         text_at(middle, kHeight - 18, "text-anchor=\"middle\" class=\"axis\"", "recall@10 (scale of nines)");
}

std::string draw_qps_axis(const Axes& axes) {
  std::string svg;
  for (int decade = -1; decade <= 8; ++decade) {
    for (double step : {1.0, 2.0, 5.0}) {
      double qps = step * std::pow(10.0, decade);
      if (std::log10(qps) < axes.log_min || std::log10(qps) > axes.log_max) continue;
      double y = axes.y(qps);
      svg += line_at(kLeft, y, kWidth - kRight, y, "class=\"grid\"");
      std::string label = qps >= 1000 ? fmt::format("{:g}k", qps / 1000) : fmt::format("{:g}", qps);
      svg += text_at(kLeft - 8, y + 4, "text-anchor=\"end\"", label);
    }
  }
  double middle = (kTop + kHeight - kBottom) / 2;
  return svg +
         fmt::format(
             "<text transform=\"translate(24 {:.1f}) rotate(-90)\" text-anchor=\"middle\" class=\"axis\">"
             "queries per second, one thread (log)</text>\n",
             middle);
}

/// Circle, square, diamond, triangle in turn.
std::string marker(size_t shape, double x, double y, const char* color) {
  if (shape % 4 == 0)
    return fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\" fill=\"{}\"/>\n", x, y, color);
  if (shape % 4 == 1)
    return fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"7\" height=\"7\" fill=\"{}\"/>\n", x - 3.5,
                       y - 3.5, color);
  const char* path = shape % 4 == 2 ? "M0 -5 L5 0 L0 5 L-5 0 Z" : "M0 -5 L5 4 L-5 4 Z";
  return fmt::format("<path transform=\"translate({:.1f} {:.1f})\" d=\"{}\" fill=\"{}\"/>\n", x, y, path,
                     color);
}

struct Style {
  const char* color;
  const char* stroke;
  size_t shape;
};

std::string draw_curve(const Axes& axes, const Curve& curve, const Style& style) {
  std::string points, markers;
  for (const CurvePoint& point : curve.points) {
    double x = axes.x(point.recall), y = axes.y(point.qps);
    points += fmt::format("{}{:.1f},{:.1f}", points.empty() ? "" : " ", x, y);
    markers += marker(style.shape, x, y, style.color);
  }
  if (points.empty()) return {};
  return fmt::format("<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" {}/>\n", points, style.color,
                     style.stroke) +
         markers;
}

std::string draw_legend(size_t line, const std::string& name, const Style& style) {
  double x = kWidth - kRight + 20, y = kTop + 12 + 24 * static_cast<double>(line);
  std::string stroke = fmt::format("stroke=\"{}\" {}", style.color, style.stroke);
  return line_at(x, y, x + 34, y, stroke.c_str()) + marker(style.shape, x + 17, y, style.color) +
         text_at(x + 42, y + 4, "", name);
}

constexpr const char* kHead =
    "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" "
    "height=\"{1:.0f}\" "
    "font-family=\"DejaVu Sans, Helvetica, Arial, sans-serif\" font-size=\"12\" fill=\"#2b2f36\">\n"
    "<style>.grid{{stroke:#e3e6ea;stroke-width:1}} .axis{{font-size:13px}} "
    ".title{{font-size:17px;font-weight:bold}} "
    ".sub{{fill:#5b6570}}</style>\n"
    "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n";

}  // namespace

std::string draw_curves(const std::string& title, const std::string& subtitle,
                        std::span<const DrawnCurve> curves) {
  Axes axes = fit(curves);
  std::string svg = fmt::format(kHead, kWidth, kHeight);
  svg += text_at(kLeft, 30, "class=\"title\"", title) + text_at(kLeft, 52, "class=\"sub\"", subtitle);
  svg += draw_recall_axis(axes) + draw_qps_axis(axes);
  svg += fmt::format("<path d=\"M{0:.1f} {1:.1f} V{2:.1f} H{3:.1f}\" fill=\"none\" stroke=\"#5b6570\"/>\n",
                     kLeft, kTop, kHeight - kBottom, kWidth - kRight);
  size_t ours = 0, rivals = 0, line = 0;
  for (const DrawnCurve& drawn : curves) {
    Style style = drawn.ours ? Style{kOurColors[ours++ % std::size(kOurColors)], "stroke-width=\"2.5\"", line}
                             : Style{kRivalColors[rivals++ % std::size(kRivalColors)],
                                     "stroke-width=\"1.5\" stroke-dasharray=\"6 3\"", line};
    svg += draw_curve(axes, drawn.curve, style) + draw_legend(line++, drawn.curve.name, style);
  }
  return svg + "</svg>\n";
}

Result<void> write_curves(FileSystem& fs, const std::string& directory, const std::string& name,
                          const std::string& svg) {
  bool plain = !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '-' || c == '_';
  });
  if (!plain) return invalid_argument("curve name '{}': only letters, digits, '-' and '_' are allowed", name);
  TRY(fs.make_directories(directory));
  std::string path = directory + "/" + name + ".svg", png = directory + "/" + name + ".png";
  TRY(write_file_atomically(fs, path, std::as_bytes(std::span(svg))));
  std::string program = "rsvg-convert", zoom = "-z", twice = "2", to = "-o";
  char* arguments[] = {program.data(), zoom.data(), twice.data(), to.data(),
                       png.data(),     path.data(), nullptr};
  pid_t child = 0;
  if (posix_spawnp(&child, program.c_str(), nullptr, nullptr, arguments, environ) == 0)
    waitpid(child, nullptr, 0);
  return {};
}

}  // namespace kith::bench
