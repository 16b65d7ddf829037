#include "server/cli/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "server/cli/table.h"

namespace kith {
namespace {

constexpr size_t kBarCells = 12;

std::string clock_text(double seconds) {
  const auto whole = static_cast<uint64_t>(std::llround(std::clamp(seconds, 0.0, 359'999.0)));
  if (whole >= 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

std::string bar(double fraction) {
  const auto full = static_cast<size_t>(std::clamp(fraction, 0.0, 1.0) * kBarCells);
  return "[" + std::string(full, '#') + std::string(kBarCells - full, '.') + "]";
}

std::optional<double> fraction_of(const ProgressState& state) {
  if (state.total)
    return *state.total == 0 ? 1.0 : static_cast<double>(state.done) / static_cast<double>(*state.total);
  return state.fraction;
}

size_t terminal_columns() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

std::string progress_line(const std::string& verb, const ProgressState& state, double seconds,
                          size_t columns) {
  const std::optional<double> fraction = fraction_of(state);
  std::string line = verb;
  if (fraction) line += fmt::format(" {} {:3.0f} %", bar(*fraction), std::clamp(*fraction, 0.0, 1.0) * 100);
  const auto amount = [&](uint64_t count) {
    return state.of_bytes ? human_bytes(count) : human_count(count);
  };
  line += " " + amount(state.done) + (state.total ? "/" + amount(*state.total) : "");
  if (!state.of_bytes) line += " rows";
  const bool rated = seconds > 0 && state.done > 0 && !state.of_bytes;
  if (rated)
    line += fmt::format(", {} rows/s",
                        human_count(static_cast<uint64_t>(static_cast<double>(state.done) / seconds)));
  if (fraction && *fraction > 0 && *fraction < 1) {
    line += ", " + clock_text(seconds * (1 - *fraction) / *fraction) + " left";
  } else {
    line += ", " + clock_text(seconds);
  }
  // The end of the line is what a narrow terminal cuts.
  if (rated && state.bytes > 0)
    line += fmt::format(", {:.1f} MB/s", static_cast<double>(state.bytes) / 1e6 / seconds);
  if (state.pending) line += ", " + human_count(*state.pending) + " to index";
  return shorten(line, columns);
}

Progress::Progress(Console& console, std::string verb)
    : console_(console), verb_(std::move(verb)), terminal_(console.stderr_is_terminal()) {
  next_ = start_ + (terminal_ ? std::chrono::milliseconds(0) : std::chrono::milliseconds(5000));
}

Progress::~Progress() {
  if (line_open_) console_.draw("\n");
}

double Progress::seconds() const {
  return std::chrono::duration<double>(Clock::now() - start_).count();
}

void Progress::update(const ProgressState& state) {
  if (!console_.progress_wanted()) return;
  const auto now = Clock::now();
  if (now < next_) return;
  next_ = now + (terminal_ ? std::chrono::milliseconds(100) : std::chrono::milliseconds(5000));
  draw(state);
}

void Progress::finish(const ProgressState& state) {
  // Where lines pile up, a command that was done before its first line needs no last one.
  if (!console_.progress_wanted() || (!terminal_ && !drawn_)) return;
  draw(state);
  if (line_open_) console_.draw("\n");
  line_open_ = false;
}

void Progress::draw(const ProgressState& state) {
  drawn_ = true;
  if (terminal_) {
    console_.draw("\r" + progress_line(verb_, state, seconds(), terminal_columns() - 1) + "\x1b[K");
    line_open_ = true;
  } else {
    console_.draw(progress_line(verb_, state, seconds(), 200) + "\n");
  }
}

}  // namespace kith
