// kith compact: takes what was deleted out of every file, and says so.
#include "server/cli/commands.h"
#include "server/cli/json_writer.h"
#include "server/cli/table.h"
#include "server/cli/watched.h"

namespace kith {
namespace {

/// Rows of the indexes that are being built anew; nothing while the store is rewritten.
std::optional<ProgressState> rebuilt_rows(Api& api, const std::string& collection, const Stop& stop) {
  v1::GetCollectionRequest request;
  request.set_collection(collection);
  const auto info = api.get_collection(request, stop);
  if (!info.ok()) return std::nullopt;
  for (const v1::FieldInfo& field : info->fields()) {
    if (!field.has_rebuilding()) continue;
    ProgressState state;
    state.done = field.rebuilding().rows_done();
    state.total = field.rebuilding().rows_total();
    return state;
  }
  return std::nullopt;
}

}  // namespace

Result<ExitCode> run_compact(const CompactOptions& options, Console& console) {
  Session session = TRY(Session::open(options.target, false));
  TRY(session.collection(options.collection));
  const std::unique_ptr<Api> watcher = TRY(session.another_api());
  v1::CompactRequest request;
  request.set_collection(options.collection);
  const v1::CompactResponse receipt = TRY(watched(
      console, "compact", [&] { return session.api().compact(request, session.stop()); },
      [&] { return rebuilt_rows(*watcher, options.collection, session.stop()); }));
  if (console.json) {
    JsonWriter out;
    out.begin_object().field("collection", options.collection).field("sequence", receipt.sequence());
    out.field("points_removed", receipt.points_removed()).field("bytes_before", receipt.bytes_before());
    out.field("bytes_after", receipt.bytes_after()).field("seconds", receipt.seconds()).end_object();
    console.print_line(out.str());
  } else {
    console.print_line(fmt::format(
        "collection '{}': what was deleted or replaced up to sequence {} is in no file any more; {} points "
        "since the last time; the directory had {}, has {}; {:.2f} s",
        options.collection, receipt.sequence(), human_count(receipt.points_removed()),
        human_bytes(receipt.bytes_before()), human_bytes(receipt.bytes_after()), receipt.seconds()));
  }
  return ExitCode::kOk;
}

}  // namespace kith
