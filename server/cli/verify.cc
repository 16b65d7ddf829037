// kith verify: reads every stored byte of a collection or a backup; the exit code says what was found.
#include "query/backup.h"
#include "server/cli/commands.h"
#include "server/cli/interrupt.h"
#include "server/cli/json_writer.h"
#include "server/cli/table.h"
#include "server/cli/watched.h"

namespace kith {

namespace {

template <typename Problems>
void write_problems(const Problems& problems, JsonWriter& out) {
  out.key("problems").begin_array();
  for (const std::string& problem : problems) out.text(problem);
  out.end_array();
}

void write_graphs(const v1::VerifyResponse& report, JsonWriter& out) {
  out.key("graphs").begin_array();
  for (const v1::FieldGraph& graph : report.graphs()) {
    out.begin_object().field("field", graph.field()).field("nodes", graph.nodes());
    out.field("pending", graph.pending());
    out.field("chained", graph.chained()).field("edges", graph.edges());
    out.field("degree_max", uint64_t{graph.degree_max()}).field("unreachable", graph.unreachable());
    out.end_object();
  }
  out.end_array();
}

void print_graphs(const v1::VerifyResponse& report, Console& console) {
  for (const v1::FieldGraph& graph : report.graphs())
    console.print_line(fmt::format(
        "graph of '{}': {} nodes ({} equal to others), {} not linked yet, {} edges, at most {} a node, {} "
        "unreachable",
        graph.field(), human_count(graph.nodes()), human_count(graph.chained()), human_count(graph.pending()),
        human_count(graph.edges()), graph.degree_max(), graph.unreachable()));
  if (report.graphs_size() == 0) console.print_line("no field has a graph");
}

}  // namespace

Result<ExitCode> run_verify(const VerifyOptions& options, Console& console) {
  Session session = TRY(Session::open(options.target, false));
  if (!options.collection.empty()) TRY(session.collection(options.collection));
  v1::VerifyRequest request;
  request.set_collection(options.collection);
  const v1::VerifyResponse report = TRY(session.api().verify(request, session.stop()));
  const bool whole = report.problems_size() == 0;
  const std::string what =
      options.collection.empty() ? "the directory" : fmt::format("collection '{}'", options.collection);
  if (console.json) {
    JsonWriter out;
    out.begin_object().field("collection", options.collection).field("whole", whole);
    out.field("points", report.points()).field("bytes", report.bytes());
    write_problems(report.problems(), out);
    if (options.graph) write_graphs(report, out);
    out.end_object();
    console.print_line(out.str());
  } else {
    for (const std::string& problem : report.problems()) console.print_line("problem: " + problem);
    if (options.graph) print_graphs(report, console);
    console.print_line(fmt::format("{}: {} points, {} checked, {}", what, human_count(report.points()),
                                   human_bytes(report.bytes()),
                                   whole ? "whole" : fmt::format("{} problems", report.problems_size())));
  }
  return whole ? ExitCode::kOk : ExitCode::kCorruption;
}

Result<ExitCode> run_verify_backup(const VerifyOptions& options, Console& console) {
  ByteProgress progress;
  const OfflineOptions how{interruptible(options.target.timeout_s), &progress, nullptr};
  const BackupCheck check = TRY(watched(
      console, "verify", [&] { return verify_backup(options.backup, how); }, look_at(progress)));
  const bool whole = check.problems.empty();
  if (console.json) {
    JsonWriter out;
    out.begin_object().field("backup", options.backup).field("number", check.backup.number);
    out.field("whole", whole).field("files", check.backup.files).field("bytes", check.backup.bytes);
    write_problems(check.problems, out);
    out.end_object();
    console.print_line(out.str());
  } else {
    for (const std::string& problem : check.problems) console.print_line("problem: " + problem);
    console.print_line(fmt::format("backup {} of '{}': {} files, {} checked, {}", check.backup.number,
                                   options.backup, human_count(check.backup.files),
                                   human_bytes(check.backup.bytes),
                                   whole ? "whole" : fmt::format("{} problems", check.problems.size())));
  }
  return whole ? ExitCode::kOk : ExitCode::kCorruption;
}

}  // namespace kith
