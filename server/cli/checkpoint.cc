// kith checkpoint: keeps ids and indexes in files now.
#include "server/cli/commands.h"
#include "server/cli/json_writer.h"
#include "server/cli/table.h"

namespace kith {

Result<ExitCode> run_checkpoint(const CheckpointOptions& options, Console& console) {
  Session session = TRY(Session::open(options.target, false));
  TRY(session.collection(options.collection));
  v1::CheckpointRequest request;
  request.set_collection(options.collection);
  const v1::CheckpointResponse report = TRY(session.api().checkpoint(request, session.stop()));
  if (console.json) {
    JsonWriter out;
    out.begin_object().field("collection", options.collection).field("sequence", report.sequence());
    out.field("bytes", report.bytes()).field("written", report.written()).field("seconds", report.seconds());
    out.end_object();
    console.print_line(out.str());
  } else {
    console.print_line(fmt::format("collection '{}': checkpoint of {}, {} of it new, in {:.2f} s",
                                   options.collection, human_bytes(report.bytes()),
                                   human_bytes(report.written()), report.seconds()));
  }
  return ExitCode::kOk;
}

}  // namespace kith
