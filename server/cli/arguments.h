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
void add_write_commands(CLI::App& app, CommandLine& line);  // create, load, delete
void add_read_commands(CLI::App& app, CommandLine& line);   // search, info, export, verify, bench
void add_keep_commands(CLI::App& app,
                       CommandLine& line);  // checkpoint, limit, compact, backup, restore, repair
void add_service_commands(CLI::App& app, CommandLine& line);  // serve, datasets

/// --json, --quiet.
void add_output_flags(CLI::App& command, CommandLine& line);
/// --dir, --server, --timeout, and the output flags.
void add_target_flags(CLI::App& command, Target& target, CommandLine& line);

}  // namespace kith
