#include "server/cli/exit_code.h"

namespace kith {

std::span<const ExitCodeRow> exit_codes() {
  static constexpr ExitCodeRow kRows[] = {
      {ExitCode::kOk, "ok", "done"},
      {ExitCode::kFailed, "failed",
       "the output could not be written, or another failure without a code of its own"},
      {ExitCode::kUsage, "usage", "wrong arguments, request or input file (invalid_argument)"},
      {ExitCode::kNotFound, "not_found", "no such collection, point, file or data set"},
      {ExitCode::kCorruption, "corruption", "damaged data or file, or `kith verify` found problems"},
      {ExitCode::kUnavailable, "unavailable", "no server answers, or a device or peer failed"},
      {ExitCode::kCancelled, "cancelled", "stopped by Ctrl-C or by a no to a question"},
      {ExitCode::kConflict, "conflict",
       "exists already, or is held by another process (already_exists, failed_precondition)"},
      {ExitCode::kExhausted, "exhausted",
       "out of memory, disk, connections or another limit (resource_exhausted)"},
      {ExitCode::kDeadline, "deadline", "--timeout passed (deadline_exceeded)"},
  };
  return kRows;
}

ExitCode exit_code_of(Code code) {
  switch (code) {
    case Code::kInvalidArgument:
      return ExitCode::kUsage;
    case Code::kNotFound:
      return ExitCode::kNotFound;
    case Code::kAlreadyExists:
      return ExitCode::kConflict;
    case Code::kFailedPrecondition:
      return ExitCode::kConflict;
    case Code::kResourceExhausted:
      return ExitCode::kExhausted;
    case Code::kCancelled:
      return ExitCode::kCancelled;
    case Code::kDeadlineExceeded:
      return ExitCode::kDeadline;
    case Code::kUnavailable:
      return ExitCode::kUnavailable;
    case Code::kCorruption:
      return ExitCode::kCorruption;
  }
  return ExitCode::kFailed;
}

std::string exit_code_help() {
  std::string text = "Exit codes:\n";
  for (const ExitCodeRow& row : exit_codes())
    text += fmt::format("  {}  {:<12} {}\n", static_cast<int>(row.code), row.name, row.meaning);
  return text;
}

}  // namespace kith
