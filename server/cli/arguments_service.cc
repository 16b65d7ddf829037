// Flags of serve and datasets.
#include <CLI/CLI.hpp>

#include "server/api/wire_limits.h"
#include "server/cli/arguments.h"

namespace kith {
namespace {

void add_serve(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<ServeOptions>();
  CLI::App* command = app.add_subcommand("serve", "serve a directory over gRPC (kith.v1)");
  command->add_option("--dir", options->directory, "data directory; made when missing")->required();
  command->add_option("--host", options->host, "loopback address; there is no authentication yet")
      ->capture_default_str();
  command->add_option("--port", options->port, "0 = any free one, printed when ready")->capture_default_str();
  command->add_option("--connections", options->connections, "clients at the same time")
      ->check(CLI::Range(static_cast<uint32_t>(limits::kConnections.min),
                         static_cast<uint32_t>(limits::kConnections.max)))
      ->capture_default_str();
  command->add_option("--backup-root", options->backup_root,
                      "directory below which clients may have backups made (default: none are made)");
  command->add_option("--threads", options->threads, "requests served at the same time (default: by CPUs)");
  command
      ->add_option(
          "--memory-max", options->memory_bytes_max,
          "memory of indexes, ids and newest writes, e.g. 8GiB; 0 = no limit (default: three quarters "
          "of the machine's, or of the control group's)")
      ->transform(CLI::AsSizeValue(false));
  command
      ->add_option("--disk-reserve", options->disk_reserve_bytes,
                   "what upserts leave free on the disk, e.g. 2GiB (default: the smaller of 1 GiB and 5 %)")
      ->transform(CLI::AsSizeValue(false));
  add_output_flags(*command, line);
  command->footer(
      "Ctrl-C or SIGTERM ends it after the requests under way.\n\nExamples:\n  kith serve --dir ./data");
  command->callback([options, &line] {
    line.serves = true;
    line.chosen = [options](Console& console) { return run_serve(*options, console); };
  });
}

void add_datasets(CLI::App& app, CommandLine& line) {
  CLI::App* command = app.add_subcommand("datasets", "public data sets to try and measure with");
  command->require_subcommand(1);
  command->footer(
      "Sets are looked for in the directory KITH_DATASETS, then in the cache, then downloaded.\n\n"
      "Examples:\n  kith datasets list\n  kith datasets fetch fashion-mnist\n  ls $(kith datasets path "
      "fashion-mnist)");
  CLI::App* list = command->add_subcommand("list", "names, sizes, metrics and licences");
  add_output_flags(*list, line);
  list->callback([&line] { line.chosen = [](Console& console) { return run_datasets_list(console); }; });

  using Run = Result<ExitCode> (*)(const DatasetsOptions&, Console&);
  auto add = [&](const char* name, const char* help, Run run) {
    auto options = std::make_shared<DatasetsOptions>();
    CLI::App* sub = command->add_subcommand(name, help);
    sub->add_option("NAME", options->name, "a name of `kith datasets list`, or its beginning")->required();
    sub->add_option("PART", options->part, "base, queries, groundtruth or attributes: print its path alone");
    if (run == run_datasets_fetch)
      sub->add_flag("--synthetic", options->synthetic,
                    "make a set of the same shape where the real one cannot be had");
    add_output_flags(*sub, line);
    sub->callback([options, run, &line] {
      line.chosen = [options, run](Console& console) { return run(*options, console); };
    });
  };
  add("fetch", "bring a set here where it is missing, and print where its files lie", run_datasets_fetch);
  add("path", "print where a set's files lie; downloads nothing", run_datasets_path);
}

}  // namespace

void add_service_commands(CLI::App& app, CommandLine& line) {
  add_serve(app, line);
  add_datasets(app, line);
}

}  // namespace kith
