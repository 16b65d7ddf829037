// Console: the one way a command speaks. Results go to stdout; progress, notes and errors go to stderr.
//
// With --json stdout holds one JSON object (or one a line, where docs/cli.md says so), stderr holds at most
// one line
// {"error":{"code":…,"message":…}}, and notes and progress without a terminal are left out. Used by one
// thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace kith {

class Console {
 public:
  bool json = false;
  bool quiet = false;

  /// Writes to stdout. A full disk or closed pipe shows when `flush` fails.
  void print(std::string_view text);
  void print_line(std::string_view text);
  /// For people only: nothing with --json or --quiet.
  void note(std::string_view text);
  /// The last word of a failed command.
  void error(const Error& error);
  /// False when stdout could not take everything.
  bool flush();

  /// Progress is drawn over itself on a terminal, printed as a line now and then elsewhere, and silent with
  /// --quiet and with --json elsewhere.
  bool progress_wanted() const;
  bool stderr_is_terminal() const;
  bool stdin_is_terminal() const;
  void draw(std::string_view line);  // raw text to stderr

  /// Asks on the terminal; false for anything but y or yes.
  bool confirm(std::string_view question);
};

}  // namespace kith
