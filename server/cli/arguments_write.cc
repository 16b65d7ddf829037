// Flags of create, load, delete and update, and those that all commands share.
#include <CLI/CLI.hpp>

#include "query/schema/limits.h"
#include "server/cli/arguments.h"
#include "server/cli/arguments_shared.h"

namespace kith {
namespace {

void add_field_words(CLI::App& command, FieldWords& words) {
  command.add_option("--metric", words.metric, "l2, ip, cosine or hamming")->capture_default_str();
  command.add_option("--type", words.type,
                     "stored type: f32, f16, bf16, i8, u8 or bit (default f32; bit for hamming)");
  command
      .add_option("--index", words.index,
                  "index kind: vamana (the default), hnsw …, or flat for exact answers")
      ->capture_default_str();
  command
      .add_option("--option", words.options, "NAME=VALUE of the index kind, e.g. degree=32; may be repeated")
      ->allow_extra_args(false);
}

void add_payload_flag(CLI::App& command, std::vector<std::string>& payload) {
  command
      .add_option(
          "--payload", payload,
          "PATH:TYPE[:required][:label], a path whose values are all keyword, integer, float, boolean, "
          "datetime, geo or text; may be repeated")
      ->allow_extra_args(false);
}

void add_create(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<CreateOptions>();
  CLI::App* command = app.add_subcommand("create", "make a collection");
  command->add_option("NAME", options->collection, "name of the new collection")->required();
  CLI::Option* dim = command->add_option("--dim", options->dim, "dimensions of the vector field \"vector\"")
                         ->check(CLI::Range(static_cast<uint32_t>(limits::kDim.min),
                                            static_cast<uint32_t>(limits::kDim.max)));
  add_field_words(*command, options->words);
  command
      ->add_option("--field", options->fields,
                   "NAME:DIM[:METRIC[:TYPE[:INDEX]]] instead of --dim; may be repeated")
      ->allow_extra_args(false)
      ->excludes(dim);
  add_payload_flag(*command, options->payload);
  add_target_flags(*command, options->target, line);
  command->footer(
      "Examples:\n"
      "  kith create books --dim 384 --metric cosine --dir ./data\n"
      "  kith create books --dim 384 --payload section:keyword --payload year:integer:required\n"
      "  kith create photos --field image:512:cosine:f16 --field colour:64:l2:u8:flat --dir ./data\n"
      "  kith create fast --dim 784 --option degree=48 --option ef_construction=200");
  command->callback([options, &line] {
    line.chosen = [options](Console& console) -> Result<ExitCode> {
      if (options->dim == 0 && options->fields.empty())
        return invalid_argument("--dim or --field is required: how many dimensions do the vectors have?");
      return run_create(*options, console);
    };
  });
}

void add_load_flags(CLI::App& command, LoadOptions& options) {
  command.add_option("--field", options.field, "vector field to fill (default: the only one)");
  command.add_flag("--create", options.create,
                   "make the collection, where missing, with the files' dimensions");
  add_field_words(command, options.words);
  add_payload_flag(command, options.payload);
  command.add_option("--attributes", options.attributes,
                     "JSONL file (also .xz .zst .gz): line i is the payload of row i");
  command.add_flag("--points", options.points, "JSONL as kith export writes it: points may lack vectors");
  command.add_option("--hdf5-dataset", options.hdf5_dataset, "which dataset of an HDF5 file")
      ->capture_default_str();
  command.add_option("--id-field", options.id_field, "key or column of the id in JSONL and CSV")
      ->capture_default_str();
  command.add_option("--vector-field", options.vector_field, "key or column of the vector in JSONL and CSV")
      ->capture_default_str();
  command.add_option("--id-start", options.id_start, "id of the first row, where a file has no ids")
      ->capture_default_str();
  command
      .add_option("--batch-rows", options.batch_rows, "rows per atomic batch (default: as many as fit 3 MiB)")
      ->check(CLI::Range(limits::kBatchPoints.min, limits::kBatchPoints.max));
  command
      .add_option("--durability", options.durability,
                  "sync: a batch is on disk before it is acknowledged; async: soon")
      ->check(CLI::IsMember({"sync", "async"}))
      ->capture_default_str();
  command
      .add_option(
          "--ttl", options.ttl_s,
          "seconds from now on after which the points expire (default: never); \"expires_at_ms\" of a "
          "JSONL line goes before it")
      ->check(CLI::Range(uint64_t{1}, limits::kExpiresAt.max / 2000));
  command.add_option("--limit", options.limit, "rows to load at most");
  command.add_flag("--resume", options.resume,
                   "go on after the rows that an earlier run of the same command stored");
  command.add_flag("!--no-settle", options.settle, "return before the index has caught up");
}

void add_load(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<LoadOptions>();
  CLI::App* command = app.add_subcommand("load", "load files of vectors into a collection");
  command->add_option("NAME", options->collection, "collection")->required();
  command
      ->add_option("FILE", options->files,
                   ".fvecs .bvecs .ivecs .fbin .u8bin .npy .hdf5 .jsonl .csv, all but HDF5 also "
                   "with .xz .zst .gz after it")
      ->required();
  add_load_flags(*command, *options);
  add_target_flags(*command, options->target, line);
  command->footer(
      "Rows get the ids --id-start, --id-start + 1, … unless the file has its own. What exists is replaced.\n"
      "Ctrl-C stops cleanly; the same command with --resume goes on.\n\n"
      "Examples:\n"
      "  kith load books books.jsonl --create --metric cosine --dir ./data\n"
      "  kith load sift base.fvecs.zst --create --attributes attributes.jsonl.zst --server 127.0.0.1:7447\n"
      "  kith load glove glove-100-angular.hdf5 --create --metric cosine --durability async --resume");
  command->callback([options, &line] {
    line.chosen = [options](Console& console) { return run_load(*options, console); };
  });
}

void add_delete(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<DeleteOptions>();
  CLI::App* command = app.add_subcommand("delete", "delete points by id or filter, or a collection");
  command->add_option("NAME", options->collection, "collection")->required();
  CLI::Option* id =
      command->add_option("--id", options->ids, "id of a point; may be repeated")->allow_extra_args(false);
  CLI::Option* file = command->add_option("--ids-file", options->ids_file, "file with one id a line");
  CLI::Option* filter = add_filter_flag(*command, options->filter)->excludes(id)->excludes(file);
  command->add_flag("--collection-itself", options->collection_itself, "delete the collection and all in it")
      ->excludes(id)
      ->excludes(file)
      ->excludes(filter);
  command->add_flag("--yes", options->yes, "do not ask");
  command->add_option("--durability", options->durability, "sync or async")
      ->check(CLI::IsMember({"sync", "async"}))
      ->capture_default_str();
  add_target_flags(*command, options->target, line);
  command->footer(
      "An id is a number (7), a UUID or a text; text:7 is the text \"7\". Unknown ids are no error.\n\n"
      "Examples:\n"
      "  kith delete books --id 7 --id sku-9 --dir ./data\n"
      "  kith delete books --ids-file gone.txt\n"
      "  kith delete books --filter \"year < 1990\"\n"
      "  kith delete books --collection-itself --yes");
  command->callback([options, &line] {
    line.chosen = [options](Console& console) { return run_delete(*options, console); };
  });
}

void add_update(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<UpdateOptions>();
  CLI::App* command = app.add_subcommand("update", "change parts of points, by id or filter");
  command->add_option("NAME", options->collection, "collection")->required();
  CLI::Option* id =
      command->add_option("--id", options->ids, "id of a point; may be repeated")->allow_extra_args(false);
  CLI::Option* file = command->add_option("--ids-file", options->ids_file, "file with one id a line");
  add_filter_flag(*command, options->filter)->excludes(id)->excludes(file);
  CLI::Option* set = command->add_option(
      "--set", options->set, "JSON object that is merged into the payload; null removes what it stands for");
  command->add_option("--replace", options->replace, "JSON object that takes the payload's place")
      ->excludes(set);
  command->add_option("--vector", options->vector, "JSON array: the new vector");
  command->add_option("--field", options->field, "vector field of --vector (default: the only one)");
  command->add_option("--ttl", options->ttl_s, "seconds from now on after which points expire; 0: never")
      ->check(CLI::Range(uint64_t{0}, limits::kExpiresAt.max / 2000));
  command->add_option("--durability", options->durability, "sync or async")
      ->check(CLI::IsMember({"sync", "async"}))
      ->capture_default_str();
  add_target_flags(*command, options->target, line);
  command->footer(
      "What no flag names stays as it is. Unknown ids are counted, and no error.\n\n"
      "Examples:\n"
      "  kith update books --id 7 --set '{\"read\": true, \"shelf\": null}' --dir ./data\n"
      "  kith update books --filter \"year < 1990\" --set '{\"age\": {\"old\": true}}'\n"
      "  kith update photos --id 7 --field image --vector '[0.1, 0.2, 0.3]'");
  command->callback([options, &line] {
    line.chosen = [options](Console& console) { return run_update(*options, console); };
  });
}

}  // namespace

void add_output_flags(CLI::App& command, CommandLine& line) {
  command.add_flag("--json", line.console.json, "results as JSON on stdout, errors as JSON on stderr")
      ->group("Output");
  command.add_flag("--quiet", line.console.quiet, "no progress and no notes")->group("Output");
}

void add_target_flags(CLI::App& command, Target& target, CommandLine& line) {
  CLI::Option* directory =
      command.add_option("--dir", target.directory, "work on this directory, without a server")
          ->group("Where");
  command
      .add_option("--server", target.server,
                  fmt::format("HOST:PORT of a server (default {})", kDefaultServer))
      ->group("Where")
      ->excludes(directory);
  command.add_option("--timeout", target.timeout_s, "seconds for the whole command (default: none)")
      ->check(CLI::PositiveNumber)
      ->group("Where");
  add_output_flags(command, line);
}

void add_write_commands(CLI::App& app, CommandLine& line) {
  add_create(app, line);
  add_load(app, line);
  add_delete(app, line);
  add_update(app, line);
}

}  // namespace kith
