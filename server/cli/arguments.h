// The command line as CLI11 reads it: flags, help and examples of each command, filled into
// server/cli/commands.h.
#pragma once

#include <functional>

#include "base/result.h"
#include "server/cli/commands.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace kith {

/// What one command line came to.
struct CommandLine {
  Console console;
  std::function<Result<ExitCode>(Console&)> chosen;
  bool serves = false;  // has its own signals and log
};

// Each adds its commands to `app`; parsing sets `line.chosen`.
void add_write_commands(CLI::App& app, CommandLine& line);  // create, load, delete, update
void add_read_commands(CLI::App& app, CommandLine& line);   // search, recommend, info, export, verify, bench
void add_list_commands(CLI::App& app, CommandLine& line);   // count, scroll, facet
/// checkpoint, limit, calibrate, tune, compact, backup, restore, repair.
void add_keep_commands(CLI::App& app, CommandLine& line);
void add_service_commands(CLI::App& app, CommandLine& line);  // serve, datasets

/// What a recall target may be, less what nobody asks for.
inline constexpr double kRecallMin = 1e-6;
inline constexpr double kRecallMax = 1;
/// --json, --quiet.
void add_output_flags(CLI::App& command, CommandLine& line);
/// --dir, --server, --timeout, and the output flags.
void add_target_flags(CLI::App& command, Target& target, CommandLine& line);

}  // namespace kith
