// ExitCode: what `kith` returns to the shell. One table; `kith --help` prints it and docs/cli.md is compared
// with it.
#pragma once

#include <span>
#include <string>

#include "base/result.h"

namespace kith {

enum class ExitCode : int {
  kOk = 0,
  kFailed = 1,
  kUsage = 2,
  kNotFound = 3,
  kCorruption = 4,
  kUnavailable = 5,
  kCancelled = 6,
  kConflict = 7,
  kExhausted = 8,
  kDeadline = 9,
};

struct ExitCodeRow {
  ExitCode code;
  const char* name;
  const char* meaning;
};

/// Ascending, all of them.
std::span<const ExitCodeRow> exit_codes();

ExitCode exit_code_of(Code code);

/// The table as lines of `kith --help`.
std::string exit_code_help();

}  // namespace kith
