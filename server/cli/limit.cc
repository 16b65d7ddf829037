// kith limit: bounds the memory of a collection.
#include "server/cli/commands.h"
#include "server/cli/json_writer.h"
#include "server/cli/table.h"

namespace kith {

Result<ExitCode> run_limit(const LimitOptions& options, Console& console) {
  Session session = TRY(Session::open(options.target, false));
  v1::LimitMemoryRequest request;
  request.set_collection(options.collection);
  request.set_memory_bytes_max(options.memory_bytes_max);
  TRY(session.api().limit_memory(request, session.stop()));
  const v1::GetCollectionResponse info = TRY(session.collection(options.collection));
  if (console.json) {
    JsonWriter out;
    out.begin_object().field("collection", options.collection).field("memory_bytes", info.memory_bytes());
    out.field("memory_bytes_max", info.memory_bytes_max()).end_object();
    console.print_line(out.str());
    return ExitCode::kOk;
  }
  console.note(
      fmt::format("collection '{}' takes {} of memory, and may take {}", options.collection,
                  human_bytes(info.memory_bytes()),
                  info.memory_bytes_max() == 0 ? "what there is" : human_bytes(info.memory_bytes_max())));
  return ExitCode::kOk;
}

}  // namespace kith
