// The `kith` command: argument parsing, then one call of server/cli/commands.h, then one exit code.
#pragma once

namespace kith {

/// Runs one command line and returns the process's exit code (server/cli/exit_code.h). Never throws.
int run_cli(int argc, char** argv);

}  // namespace kith
