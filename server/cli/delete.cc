// kith delete: points by id, in batches, or by filter, or a whole collection after a question.
#include <algorithm>

#include "query/schema/limits.h"
#include "server/cli/asked_ids.h"
#include "server/cli/commands.h"
#include "server/cli/durability.h"
#include "server/cli/json_writer.h"

namespace kith {
namespace {

Result<ExitCode> drop(const DeleteOptions& options, Session& session, Console& console) {
  const v1::GetCollectionResponse info = TRY(session.collection(options.collection));
  if (!options.yes) {
    if (!console.stdin_is_terminal())
      return invalid_argument("--collection-itself deletes '{}' with its {} points for good: add --yes",
                              options.collection, info.points());
    if (!console.confirm(fmt::format("Delete collection '{}' with its {} points for good?",
                                     options.collection, info.points())))
      return cancelled("nothing was deleted");
  }
  v1::DropCollectionRequest request;
  request.set_collection(options.collection);
  TRY(session.api().drop_collection(request, session.stop()));
  if (console.json) {
    JsonWriter out;
    out.begin_object().field("dropped", options.collection).field("points", info.points()).end_object();
    console.print_line(out.str());
  } else {
    console.note(fmt::format("deleted collection '{}' with {} points", options.collection, info.points()));
  }
  return ExitCode::kOk;
}

Result<ExitCode> delete_where(const DeleteOptions& options, v1::Durability durability, Session& session,
                              Console& console) {
  v1::DeleteRequest request;
  request.set_collection(options.collection);
  request.set_durability(durability);
  request.mutable_filter()->set_text(*options.filter);
  const v1::WriteResponse receipt = TRY(session.api().remove(request, session.stop()));
  if (console.json) {
    JsonWriter out;
    out.begin_object().field("removed", receipt.removed()).field("sequence", receipt.sequence()).end_object();
    console.print_line(out.str());
  } else {
    console.note(fmt::format("deleted {} points", receipt.removed()));
  }
  return ExitCode::kOk;
}

}  // namespace

Result<ExitCode> run_delete(const DeleteOptions& options, Console& console) {
  const std::vector<v1::Id> ids = TRY(read_ids(options.ids, options.ids_file));
  if (!options.collection_itself && !options.filter && ids.empty())
    return invalid_argument(
        "nothing to delete: give --id, a --ids-file with ids in it, --filter, or --collection-itself");
  const v1::Durability durability = TRY(parse_durability(options.durability));
  Session session = TRY(Session::open(options.target, false));
  if (options.collection_itself) return drop(options, session, console);
  if (options.filter) return delete_where(options, durability, session, console);
  TRY(session.collection(options.collection));

  uint64_t removed = 0, sequence = 0;
  for (size_t begin = 0; begin < ids.size(); begin += limits::kIds.max) {
    const size_t end = std::min<size_t>(ids.size(), begin + limits::kIds.max);
    v1::DeleteRequest request;
    request.set_collection(options.collection);
    request.set_durability(durability);
    for (size_t i = begin; i < end; ++i) *request.add_ids() = ids[i];
    auto receipt = session.api().remove(request, session.stop());
    if (!receipt.ok())
      return make_error(receipt.error().code, "ids {}..{} of {} (those before are deleted): {}", begin + 1,
                        end, ids.size(), receipt.error().message);
    removed += receipt->removed();
    sequence = receipt->sequence();
  }
  if (console.json) {
    JsonWriter out;
    out.begin_object().field("asked", ids.size()).field("removed", removed);
    out.field("sequence", sequence).end_object();
    console.print_line(out.str());
  } else {
    console.note(fmt::format("deleted {} of {} points asked for", removed, ids.size()));
  }
  return ExitCode::kOk;
}

}  // namespace kith
