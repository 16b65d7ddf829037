// Flags of checkpoint, limit, calibrate, tune, compact, backup, restore and repair.
#include <CLI/CLI.hpp>

#include "query/schema/limits.h"
#include "server/cli/arguments.h"

namespace kith {
namespace {

void add_checkpoint(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<CheckpointOptions>();
  CLI::App* command = app.add_subcommand("checkpoint", "keep ids and indexes in files now");
  command->add_option("NAME", options->collection, "collection")->required();
  add_target_flags(*command, options->target, line);
  command->footer(
      "The next open need not build what a checkpoint holds. They are taken by themselves too, by bytes and "
      "age and at the end.\n\nExamples:\n  kith checkpoint books\n  kith checkpoint books --dir ./data "
      "--json");
  command->callback([options, &line] {
    line.chosen = [options](Console& console) { return run_checkpoint(*options, console); };
  });
}

void add_limit(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<LimitOptions>();
  CLI::App* command = app.add_subcommand("limit", "bound the memory of a collection");
  command->add_option("NAME", options->collection, "collection")->required();
  command
      ->add_option("--memory-max", options->memory_bytes_max,
                   "of its indexes and ids, e.g. 2GiB; 0 = no limit of its own")
      ->transform(CLI::AsSizeValue(false))
      ->required();
  add_target_flags(*command, options->target, line);
  command->footer(
      "Beyond it upserts are refused; reads and deletes go on. `kith info --json` shows what is used.\n\n"
      "Examples:\n  kith limit books --memory-max 2GiB\n  kith limit books --memory-max 0 --dir ./data");
  command->callback([options, &line] {
    line.chosen = [options](Console& console) { return run_limit(*options, console); };
  });
}

void add_calibrate(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<CalibrateOptions>();
  CLI::App* command = app.add_subcommand("calibrate", "measure what searches find, for recall targets");
  command->add_option("NAME", options->collection, "collection")->required();
  add_target_flags(*command, options->target, line);
  command->footer(
      "A search asks for the share of the true nearest that it is to find (--recall); what that takes is "
      "measured "
      "with stored vectors and recent queries against exact answers. A server does so by itself.\n\n"
      "Examples:\n  kith calibrate books\n  kith calibrate books --dir ./data --json");
  command->callback([options, &line] {
    line.chosen = [options](Console& console) { return run_calibrate(*options, console); };
  });
}

void add_tune(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<TuneOptions>();
  CLI::App* command = app.add_subcommand("tune", "show recall against latency, and choose a recall target");
  command->add_option("NAME", options->collection, "collection")->required();
  command->add_option("--field", options->field, "vector field (default: the only one)");
  command->add_option("-k", options->k, "hits that searches ask for")
      ->check(CLI::Range(limits::kK.min, limits::kK.max))
      ->capture_default_str();
  CLI::Option* recall = command
                            ->add_option("--recall", options->recall,
                                         "choose the quickest that finds this share of the nearest")
                            ->check(CLI::Range(kRecallMin, kRecallMax));
  CLI::Option* latency = command
                             ->add_option("--latency-us", options->latency_us,
                                          "choose what finds most within so many microseconds")
                             ->check(CLI::PositiveNumber)
                             ->excludes(recall);
  recall->excludes(latency);
  command->add_flag("--apply", options->apply, "make it the target of searches that say none");
  command->add_option("--svg", options->svg, "draw the curves into this file");
  add_target_flags(*command, options->target, line);
  command->footer(
      "Measures anew, with stored vectors and recent queries against exact answers.\n\n"
      "Examples:\n  kith tune books --svg books.svg\n  kith tune books --recall 0.99 --apply\n"
      "  kith tune books -k 100 --latency-us 500 --apply --json");
  command->callback([options, &line] {
    if (options->apply && !options->recall.has_value() && !options->latency_us.has_value())
      throw CLI::ValidationError("--apply", "say what to choose: --recall or --latency-us");
    line.chosen = [options](Console& console) { return run_tune(*options, console); };
  });
}

void add_compact(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<CompactOptions>();
  CLI::App* command = app.add_subcommand("compact", "take what was deleted out of every file");
  command->add_option("NAME", options->collection, "collection")->required();
  add_target_flags(*command, options->target, line);
  command->footer(
      "What is printed is the receipt: no file of the directory holds a payload or vector that was deleted "
      "or "
      "replaced up to that sequence. Backups made before still do. Reads and writes go on; the vectors of "
      "all "
      "collections are written anew.\n\nExamples:\n  kith compact books\n  kith compact books --dir ./data "
      "--json");
  command->callback([options, &line] {
    line.chosen = [options](Console& console) { return run_compact(*options, console); };
  });
}

void add_backup(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<BackupOptions>();
  CLI::App* command =
      app.add_subcommand("backup", "copy all collections, as of one moment, while they are used");
  command->add_option("--to", options->to,
                      "directory that holds backups, made when missing; through a server: a name below its "
                      "--backup-root (default: that itself)");
  command->add_flag("--list", options->list,
                    "list the backups there are instead; reads --to without a server");
  add_target_flags(*command, options->target, line);
  command->footer(
      "Each backup is a directory --to/1, --to/2, ... of its own, which any may be removed. Files that "
      "cannot "
      "change are hard links where the device allows, to the data or to what an earlier backup has, so keep "
      "backups on another device.\n\nExamples:\n"
      "  kith backup --to /mnt/backups --dir ./data\n"
      "  kith backup --to nightly --server 127.0.0.1:7447\n"
      "  kith backup --list --to /mnt/backups");
  command->callback([options, &line] {
    line.chosen = [options](Console& console) { return run_backup(*options, console); };
  });
}

void add_restore(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<RestoreOptions>();
  CLI::App* command = app.add_subcommand("restore", "make a data directory from a backup");
  command->add_option("--from", options->from, "a backup, or a directory of backups for the last one in it")
      ->required();
  command->add_option("--to", options->to, "the new data directory; must not be there, or be empty")
      ->required();
  add_output_flags(*command, line);
  command->footer(
      "Every byte is checked on the way, and the directory is opened once before it takes its place. Nothing "
      "is served meanwhile.\n\nExamples:\n"
      "  kith restore --from /mnt/backups --to ./data\n"
      "  kith restore --from /mnt/backups/3 --to ./tuesday");
  command->callback([options, &line] {
    line.chosen = [options](Console& console) { return run_restore(*options, console); };
  });
}

void add_repair(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<RepairOptions>();
  CLI::App* command = app.add_subcommand("repair", "see to a damaged directory that nobody serves");
  command->add_option("DIR", options->directory, "data directory")->required();
  command->add_option("--to", options->to,
                      "new directory for what can still be read; DIR is not changed then");
  add_output_flags(*command, line);
  command->footer(
      "Without --to: drops checkpoints that are damaged, which costs the next open time, and verifies the "
      "rest. "
      "With it: a point comes through whole or is listed as lost. A backup is the better way, where there is "
      "one.\nReturns 0 when all is whole or came through, else 4.\n\nExamples:\n"
      "  kith repair ./data\n  kith repair ./data --to ./saved --json");
  command->callback([options, &line] {
    line.chosen = [options](Console& console) { return run_repair(*options, console); };
  });
}

}  // namespace

void add_keep_commands(CLI::App& app, CommandLine& line) {
  add_checkpoint(app, line);
  add_limit(app, line);
  add_calibrate(app, line);
  add_tune(app, line);
  add_compact(app, line);
  add_backup(app, line);
  add_restore(app, line);
  add_repair(app, line);
}

}  // namespace kith
