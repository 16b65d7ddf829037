// Progress: how far a long command is, on stderr: bar, rows, rate, bytes, time left, rows not yet indexed.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "server/cli/console.h"

namespace kith {

struct ProgressState {
  bool of_bytes = false;            // done and total are bytes of files, not rows
  uint64_t done = 0;                // rows
  std::optional<uint64_t> total;    // rows, where known
  std::optional<double> fraction;   // 0..1, where rows are not known (bytes of a packed file)
  uint64_t bytes = 0;               // of vectors handled so far, for MB/s
  std::optional<uint64_t> pending;  // index rows still to be linked
};

/// One line without an end of line. Pure, so that tests can read it.
std::string progress_line(const std::string& verb, const ProgressState& state, double seconds,
                          size_t columns);

class Progress {
 public:
  Progress(Console& console, std::string verb);
  /// Ends the line when still drawn (an error, an early return).
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Cheap: draws at most ten times a second on a terminal, once in five seconds elsewhere.
  void update(const ProgressState& state);
  /// Draws the last state and ends the line; nothing where no line was due before, off a terminal.
  void finish(const ProgressState& state);
  double seconds() const;

 private:
  using Clock = std::chrono::steady_clock;
  void draw(const ProgressState& state);

  Console& console_;
  const std::string verb_;
  const bool terminal_;
  const Clock::time_point start_ = Clock::now();
  Clock::time_point next_;
  bool drawn_ = false;
  bool line_open_ = false;  // on a terminal: the cursor stands behind what was drawn
};

}  // namespace kith
