// kith count: how many points there are, or satisfy a filter.
#include "server/cli/commands.h"
#include "server/cli/json_writer.h"

namespace kith {

Result<ExitCode> run_count(const CountOptions& options, Console& console) {
  Session session = TRY(Session::open(options.target, false));
  v1::CountRequest request;
  request.set_collection(options.collection);
  request.set_after_sequence(options.after);
  if (options.filter) request.mutable_filter()->set_text(*options.filter);
  const uint64_t count = TRY(session.api().count(request, session.stop())).count();
  if (console.json) {
    JsonWriter out;
    out.begin_object().field("count", count).end_object();
    console.print_line(out.str());
  } else {
    console.print_line(std::to_string(count));
  }
  return ExitCode::kOk;
}

}  // namespace kith
