#include "server/cli/cli.h"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <string_view>

#include "base/log.h"
#include "server/cli/arguments.h"
#include "server/cli/exit_code.h"
#include "server/cli/interrupt.h"

namespace kith {
namespace {

int number(ExitCode code) {
  return static_cast<int>(code);
}

/// CLI11's words, and where to read on.
Error usage_error(const CLI::App& app, const CLI::ParseError& error, int argc, char** argv) {
  std::string command = "kith";
  for (const CLI::App* sub : app.get_subcommands()) command += " " + sub->get_name();
  const std::string first = argc > 1 ? argv[1] : "";
  if (app.get_subcommands().empty() && !first.empty() && first[0] != '-') {
    std::vector<std::string> names;
    for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; }))
      names.push_back(sub->get_name());
    const std::vector<std::string> near = near_names(first, names);
    return invalid_argument("no command '{}'{}; `kith --help` lists them", first,
                            near.empty() ? "" : "; did you mean '" + near[0] + "'?");
  }
  std::string what = error.what();
  while (!what.empty() && (what.back() == '\n' || what.back() == '.')) what.pop_back();
  return invalid_argument("{}; `{} --help` explains the flags", what, command);
}

/// Seen even where parsing fails before or after the flag.
bool wants_json(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--json") return true;
  }
  return false;
}

/// An embedded database would tell of every open and close between a person's results; a server should.
void quiet_the_log(const Console& console) {
  if (std::getenv("KITH_LOG") != nullptr) return;
  set_log_options({.level = console.json ? LogLevel::kError : LogLevel::kWarn, .json = console.json});
}

int run_command(CommandLine& line) {
  if (!line.serves) {
    catch_interrupts();
    quiet_the_log(line.console);
  }
  const Result<ExitCode> result = line.chosen(line.console);
  if (!result.ok()) {
    line.console.flush();
    line.console.error(result.error());
    return number(exit_code_of(result.error().code));
  }
  if (!line.console.flush()) {
    line.console.error(unavailable("stdout could not be written: disk full or pipe closed"));
    return number(ExitCode::kFailed);
  }
  return number(*result);
}

int parse_and_run(int argc, char** argv) {
  CLI::App app("kith: a vector database that knows its neighbours", "kith");
  app.require_subcommand(1);
  app.set_version_flag("--version", "kith " KITH_VERSION);
  app.footer(exit_code_help() + "\nStart with `kith load --help`, or docs/cli.md.");
  CommandLine line;
  add_service_commands(app, line);
  add_write_commands(app, line);
  add_read_commands(app, line);
  add_list_commands(app, line);
  add_keep_commands(app, line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    line.console.print(app.help());
    return line.console.flush() ? number(ExitCode::kOk) : number(ExitCode::kFailed);
  } catch (const CLI::CallForVersion& version) {
    line.console.print_line(version.what());
    return line.console.flush() ? number(ExitCode::kOk) : number(ExitCode::kFailed);
  } catch (const CLI::ParseError& error) {
    line.console.json = wants_json(argc, argv);
    line.console.error(usage_error(app, error, argc, argv));
    return number(ExitCode::kUsage);
  }
  return run_command(line);
}

}  // namespace

int run_cli(int argc, char** argv) {
  try {
    return parse_and_run(argc, argv);
  } catch (const std::exception& error) {
    // Libraries below are wrapped where they are used; what still comes here (out of memory) ends the
    // command.
    Console console;
    console.json = wants_json(argc, argv);
    console.error(resource_exhausted("unexpected failure: {}", error.what()));
    return number(ExitCode::kExhausted);
  }
}

}  // namespace kith
