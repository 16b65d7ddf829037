// Draws recall–QPS curves as one SVG file: recall on a scale of nines (-log10(1 - recall), so that .9, .99
// and .999 are equally far apart), queries per second on a log axis. Ours are solid and thick, rivals dashed;
// every curve has its own colour and its own marker, so that print without colour still tells them apart.
#pragma once

#include <span>
#include <string>

#include "base/io/file_system.h"
#include "bench/harness/sweep.h"

namespace kith::bench {

struct DrawnCurve {
  Curve curve;
  bool ours = false;
};

/// A whole SVG document. Curves without points stand in the legend only. All text is escaped.
std::string draw_curves(const std::string& title, const std::string& subtitle,
                        std::span<const DrawnCurve> curves);

/// Writes `<directory>/<name>.svg`, and `<name>.png` beside it where the program rsvg-convert is installed
/// (without it, or when it fails, there is just no PNG). `name` is letters, digits, '-' and '_' only.
Result<void> write_curves(FileSystem& fs, const std::string& directory, const std::string& name,
                          const std::string& svg);

}  // namespace kith::bench
