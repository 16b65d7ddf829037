// Flags of search, recommend, info, export, verify and bench.
#include <CLI/CLI.hpp>

#include "query/schema/limits.h"
#include "server/cli/arguments.h"
#include "server/cli/arguments_shared.h"

namespace kith {
namespace {

/// With -k, --effort and the like of all searches.
template <typename Options>
void add_common_flags(CLI::App& command, Options& options) {
  command.add_option("--field", options.field, "vector field (default: the only one)");
  command
      .add_option("--effort", options.effort,
                  "beam width: more finds more and takes longer (default: the index kind's)")
      ->check(within(limits::kEffort));
  command.add_flag("--exact", options.exact, "compare with every vector");
  add_filter_flag(command, options.filter);
  CLI::Option* group = command.add_option("--group-by", options.shape.group_by,
                                          "the best -k groups: points with one value at this path");
  command.add_option("--group-size", options.shape.group_size, "hits of a group")
      ->check(within(limits::kGroupSize))
      ->needs(group);
  CLI::Option* diversity =
      command.add_option("--diversity", options.shape.diversity,
                         "hits that resemble each other less: from 1, the nearest, to 0, the most different");
  diversity->check(CLI::Range(0.0, 1.0))->excludes(group);
  command
      .add_option("--candidates", options.shape.candidates, "nearest points that --diversity chooses from")
      ->check(within(limits::kDiversityCandidates))
      ->needs(diversity);
  add_after_flag(command, options.after);
  command.add_flag("--with-payload", options.with_payload, "show payloads");
  command.add_flag("--with-vector", options.with_vector, "show vectors");
}

void add_search_flags(CLI::App& command, SearchOptions& options) {
  auto* query = command.add_option_group("Query", "exactly one of");
  query->add_option("--vector", options.vector, "JSON array of numbers");
  query->add_option("--vector-file", options.vector_file, "file of vectors; --row chooses one");
  query->add_option("--like", options.like, "id of a stored point");
  query->require_option(1);
  command.add_option("--row", options.row, "row of --vector-file, from 0")->capture_default_str();
  command.add_option("--hdf5-dataset", options.hdf5_dataset, "which dataset of an HDF5 --vector-file")
      ->capture_default_str();
  CLI::Option* k =
      command.add_option("-k", options.k, "hits")->check(within(limits::kK))->capture_default_str();
  CLI::Option* offset =
      command.add_option("--offset", options.offset, "skip the nearest hits")->check(within(limits::kOffset));
  CLI::Option* threshold =
      command.add_option("--threshold", options.threshold, "only hits with a score at least this near");
  CLI::Option* radius =
      command.add_option("--radius", options.radius, "all hits within this score instead of the nearest -k");
  radius->excludes(k)->excludes(offset)->excludes(threshold);
  command.add_option("--limit", options.limit, "hits of --radius at most")
      ->check(within(limits::kRangeLimit))
      ->needs(radius)
      ->capture_default_str();
  add_common_flags(command, options);
  CLI::Option* group = command.get_option("--group-by");
  CLI::Option* diversity = command.get_option("--diversity");
  CLI::Option* recall =
      command
          .add_option("--recall", options.recall,
                      "share of the true nearest to find, e.g. 0.99 (default: the collection's)")
          ->check(CLI::Range(kRecallMin, kRecallMax))
          ->excludes(command.get_option("--effort"));
  CLI::Option* explain =
      command
          .add_option("--explain", options.explain,
                      "tell the plan instead of searching, or with \"analyze\" what was done beside what was "
                      "expected")
          ->expected(0, 1)
          ->default_str("plan")
          ->check(CLI::IsMember({"plan", "analyze"}))
          ->excludes(group)
          ->excludes(diversity);
  radius->excludes(group)->excludes(diversity)->excludes(recall)->excludes(explain);
}

void add_search(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<SearchOptions>();
  CLI::App* command = app.add_subcommand("search", "find the nearest points to a vector");
  command->add_option("NAME", options->collection, "collection")->required();
  add_search_flags(*command, *options);
  add_target_flags(*command, options->target, line);
  command->footer(
      "Scores: l2 and hamming are distances (smaller is nearer), ip and cosine similarities (larger is "
      "nearer).\n\n"
      "Examples:\n"
      "  kith search books --vector '[0.1, 0.9, 0.3]' -k 5 --with-payload --dir ./data\n"
      "  kith search sift --vector-file query.fvecs --row 17 --recall 0.99 --json\n"
      "  kith search books --like 42 --explain analyze\n"
      "  kith search books --like 42 --threshold 0.8\n"
      "  kith search books --like 42 --filter \"section = 'web' AND size < 1e6\"\n"
      "  kith search books --like 42 --radius 0.8 --limit 100");
  command->callback([options, &line] {
    line.chosen = [options](Console& console) { return run_search(*options, console); };
  });
}

void add_recommend(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<RecommendOptions>();
  CLI::App* command = app.add_subcommand("recommend", "find points like some and unlike others");
  command->add_option("NAME", options->collection, "collection")->required();
  command->add_option("--like", options->like, "id of a point; several may be given")
      ->required()
      ->allow_extra_args(false);
  command->add_option("--unlike", options->unlike, "id of a point; several may be given")
      ->allow_extra_args(false);
  command
      ->add_option("--strategy", options->strategy,
                   "average: near to what they have in common; best-score: near to one of them")
      ->check(CLI::IsMember({"average", "best-score"}))
      ->capture_default_str();
  command->add_option("-k", options->k, "hits")->check(within(limits::kK))->capture_default_str();
  command->add_option("--offset", options->offset, "skip the nearest hits")->check(within(limits::kOffset));
  command->add_option("--threshold", options->threshold, "only hits with a score at least this near");
  add_common_flags(*command, *options);
  add_target_flags(*command, options->target, line);
  command->footer(
      "Examples:\n"
      "  kith recommend books --like 42 --like 43 --unlike 7 --with-payload\n"
      "  kith recommend books --like 42 --strategy best-score --group-by author");
  command->callback([options, &line] {
    line.chosen = [options](Console& console) { return run_recommend(*options, console); };
  });
}

void add_info(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<InfoOptions>();
  CLI::App* command = app.add_subcommand("info", "list collections, or describe one");
  command->add_option("NAME", options->collection, "collection (default: all)");
  add_target_flags(*command, options->target, line);
  command->footer("Examples:\n  kith info --dir ./data\n  kith info books --json");
  command->callback([options, &line] {
    line.chosen = [options](Console& console) { return run_info(*options, console); };
  });
}

void add_export(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<ExportOptions>();
  CLI::App* command = app.add_subcommand("export", "write a collection to a file");
  command->add_option("NAME", options->collection, "collection")->required();
  command
      ->add_option("FILE", options->file, "ends in .jsonl (everything) or .fvecs (the vectors of one field)")
      ->required();
  command->add_option("--field", options->field, "vector field of a .fvecs file (default: the only one)");
  add_filter_flag(*command, options->filter);
  add_after_flag(*command, options->after);
  command->add_flag("--force", options->force, "overwrite FILE");
  add_target_flags(*command, options->target, line);
  command->footer(
      "Points come in id order: numbers, UUIDs, texts. FILE appears only when it is whole.\n\n"
      "Examples:\n  kith export books books.jsonl --dir ./data\n  kith export books books.fvecs --field "
      "vector");
  command->callback([options, &line] {
    line.chosen = [options](Console& console) { return run_export(*options, console); };
  });
}

void add_verify(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<VerifyOptions>();
  CLI::App* command = app.add_subcommand("verify", "read every stored byte and check it");
  CLI::Option* name = command->add_option("NAME", options->collection,
                                          "collection (default: all, and the directory's files)");
  command
      ->add_option("--backup", options->backup,
                   "check a backup instead, or the last one in a directory of them; needs no server")
      ->excludes(name);
  command->add_flag("--graph", options->graph,
                    "print how each field's graph hangs together: nodes, edges, rows no path leads to");
  add_target_flags(*command, options->target, line);
  command->footer(
      "Returns 0 when all is whole, 4 when there are problems.\n\nExamples:\n  kith verify books --dir "
      "./data\n  kith verify books --graph --json\n  kith verify --backup /mnt/backups/3");
  command->callback([options, &line] {
    line.chosen = [options](Console& console) {
      return options->backup.empty() ? run_verify(*options, console) : run_verify_backup(*options, console);
    };
  });
}

void add_bench_flags(CLI::App& command, BenchOptions& options) {
  command.add_option("--queries", options.queries, "file of query vectors")->required();
  command.add_option("--groundtruth", options.groundtruth,
                     ".ivecs or HDF5 with the true neighbours (default: exact search of a sample)");
  command.add_option("--hdf5-dataset", options.hdf5_dataset, "which dataset of HDF5 --queries")
      ->capture_default_str();
  command.add_option("--hdf5-groundtruth", options.hdf5_groundtruth, "which dataset of HDF5 --groundtruth")
      ->capture_default_str();
  command.add_option("--id-start", options.id_start, "id of row 0 of --groundtruth")->capture_default_str();
  command.add_option("--field", options.field, "vector field (default: the only one)");
  command.add_option("-k", options.k, "hits per query")->check(within(limits::kK))->capture_default_str();
  command
      .add_option("--effort", options.efforts,
                  "beam widths to measure, e.g. 16,32,64 (default: by the collection's recall target)")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(
          CLI::Range(static_cast<uint32_t>(limits::kEffort.min), static_cast<uint32_t>(limits::kEffort.max)));
  command
      .add_option("--recall", options.recalls,
                  "recall targets to measure, e.g. 0.9,0.95,0.99, besides --effort")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::Range(kRecallMin, kRecallMax));
  command.add_option("--clients", options.clients, "clients at the same time")
      ->check(CLI::Range(1u, 256u))
      ->capture_default_str();
  command.add_option("--seconds", options.seconds, "per effort at least; every query is sent at least once")
      ->check(CLI::Range(0.0, 86400.0))
      ->capture_default_str();
  command.add_option("--sample", options.sample, "queries answered exactly where there is no --groundtruth")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command.add_option("--limit", options.limit, "queries used at most")->check(CLI::PositiveNumber);
}

void add_bench(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<BenchOptions>();
  CLI::App* command = app.add_subcommand("bench", "measure recall, queries per second and latency");
  command->add_option("NAME", options->collection, "collection")->required();
  add_bench_flags(*command, *options);
  add_target_flags(*command, options->target, line);
  command->footer(
      "Recall is by distance: a hit as near as the true k-th neighbour counts.\n\n"
      "Examples:\n"
      "  kith bench sift --queries query.fvecs --groundtruth groundtruth.ivecs --effort 16,32,64,128 --dir "
      "./data\n"
      "  kith bench books --queries questions.npy -k 10 --clients 4 --seconds 10 --json");
  command->callback([options, &line] {
    line.chosen = [options](Console& console) { return run_bench(*options, console); };
  });
}

}  // namespace

void add_read_commands(CLI::App& app, CommandLine& line) {
  add_search(app, line);
  add_recommend(app, line);
  add_info(app, line);
  add_export(app, line);
  add_verify(app, line);
  add_bench(app, line);
}

}  // namespace kith
