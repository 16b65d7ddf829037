// Report: what a benchmark run found, in the one JSON shape that every suite writes:
//
//   {"suite": "recall", "commit": "…", "machine": {…}, "notes": ["…"],
//    "results": [{"name": "recall/fashion-mnist/hnsw/qps@0.95", "value": 9000, "unit": "1/s",
//                 "rival": "hnswlib M16", "rival_value": 8800, "ratio": 1.02}]}
//
// Names are `suite/set/kind/figure` and stay stable: results of two commits are joined by name. `ratio` is
// ours divided by the rival's, so more is better for rates and less is better for times and bytes. A figure
// that was not reached is absent from `results`, and a line of `notes` says so.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/io/file_system.h"
#include "base/result.h"
#include "bench/harness/machine.h"

namespace kith::bench {

struct RivalFigure {
  std::string name;
  double value = 0;
};

struct Figure {
  std::string name;
  double value = 0;
  std::string unit;
  std::optional<RivalFigure> rival;

  /// Ours / rival; none without a rival or where the rival's value is 0.
  std::optional<double> ratio() const;
};

class Report {
 public:
  Report(std::string suite, std::string commit, Machine machine);

  /// InvalidArgument when the value is not finite, the name is taken, or the name is not
  /// `suite/segment/…/figure` of this suite with at least three segments of printable ASCII without spaces.
  Result<void> add(Figure figure);
  void note(std::string text);

  const std::vector<Figure>& figures() const { return figures_; }
  const std::vector<std::string>& notes() const { return notes_; }

  /// Pretty-printed, keys in the order drawn above, a newline at the end.
  std::string to_json() const;
  /// Creates the parent directory where missing; replaces `path` atomically.
  Result<void> write(FileSystem& fs, const std::string& path) const;
  /// One line a figure, for people.
  std::string to_text() const;

 private:
  Result<void> check_name(std::string_view name) const;

  std::string suite_;
  std::string commit_;
  Machine machine_;
  std::vector<Figure> figures_;
  std::vector<std::string> notes_;
};

}  // namespace kith::bench
