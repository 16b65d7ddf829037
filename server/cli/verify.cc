// kith verify: reads every stored byte of a collection; the exit code says what was found.
#include "server/cli/commands.h"
#include "server/cli/json_writer.h"
#include "server/cli/table.h"

namespace kith {

Result<ExitCode> run_verify(const VerifyOptions& options, Console& console) {
  Session session = TRY(Session::open(options.target, false));
  TRY(session.collection(options.collection));
  v1::VerifyRequest request;
  request.set_collection(options.collection);
  const v1::VerifyResponse report = TRY(session.api().verify(request, session.stop()));
  const bool whole = report.problems_size() == 0;
  if (console.json) {
    JsonWriter out;
    out.begin_object().field("collection", options.collection).field("whole", whole);
    out.field("points", report.points()).field("bytes", report.bytes()).key("problems").begin_array();
    for (const std::string& problem : report.problems()) out.text(problem);
    out.end_array().end_object();
    console.print_line(out.str());
  } else {
    for (const std::string& problem : report.problems()) console.print_line("problem: " + problem);
    console.print_line(fmt::format("collection '{}': {} points, {} checked, {}", options.collection,
                                   human_count(report.points()), human_bytes(report.bytes()),
                                   whole ? "whole" : fmt::format("{} problems", report.problems_size())));
  }
  return whole ? ExitCode::kOk : ExitCode::kCorruption;
}

}  // namespace kith
