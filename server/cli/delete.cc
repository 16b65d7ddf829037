// kith delete: points by id, in batches, or a whole collection after a question.
#include <algorithm>
#include <fstream>

#include "query/schema/limits.h"
#include "server/cli/commands.h"
#include "server/cli/durability.h"
#include "server/cli/id_text.h"
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

Result<std::vector<v1::Id>> read_ids(const DeleteOptions& options) {
  std::vector<v1::Id> ids;
  for (const std::string& text : options.ids) {
    auto id = parse_id(text);
    if (!id.ok()) return make_error(id.error().code, "--id: {}", id.error().message);
    ids.push_back(*std::move(id));
  }
  if (options.ids_file.empty()) return ids;
  std::ifstream file(options.ids_file);
  if (!file) return not_found("--ids-file: cannot open '{}'", options.ids_file);
  std::string line;
  for (size_t number = 1; std::getline(file, line); ++number) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty()) continue;
    auto id = parse_id(line);
    if (!id.ok())
      return make_error(id.error().code, "--ids-file '{}' line {}: {}", options.ids_file, number,
                        id.error().message);
    ids.push_back(*std::move(id));
  }
  if (file.bad()) return unavailable("--ids-file: reading '{}' failed", options.ids_file);
  return ids;
}

}  // namespace

Result<ExitCode> run_delete(const DeleteOptions& options, Console& console) {
  const std::vector<v1::Id> ids = TRY(read_ids(options));
  if (!options.collection_itself && ids.empty())
    return invalid_argument(
        "nothing to delete: give --id, a --ids-file with ids in it, or --collection-itself");
  const v1::Durability durability = TRY(parse_durability(options.durability));
  Session session = TRY(Session::open(options.target, false));
  if (options.collection_itself) return drop(options, session, console);
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
