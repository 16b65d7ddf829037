// kith scroll: a page of points, in the order of ids or of a value, as a table or as JSON.
#include "server/cli/commands.h"
#include "server/cli/id_text.h"
#include "server/cli/json_writer.h"
#include "server/cli/point_json.h"
#include "server/cli/table.h"
#include "server/cli/wire.h"

namespace kith {
namespace {

constexpr size_t kPayloadColumns = 100;

Result<v1::ScrollRequest> request_of(const ScrollOptions& options) {
  v1::ScrollRequest request;
  request.set_collection(options.collection);
  if (!options.from.empty()) *request.mutable_from() = TRY(parse_id(options.from));
  if (!options.order_by.empty()) {
    TRY(set_path(options.order_by, "--order-by", request.mutable_order_by()->mutable_path()));
    request.mutable_order_by()->set_descending(options.descending);
  }
  request.set_cursor(options.cursor);
  if (options.filter) request.mutable_filter()->set_text(*options.filter);
  request.set_limit(static_cast<uint32_t>(options.limit));
  request.set_after_sequence(options.after);
  request.mutable_fetch()->set_payload(options.with_payload);
  request.mutable_fetch()->set_vectors(options.with_vector);
  return request;
}

Result<void> print_json(const v1::ScrollResponse& page, const v1::GetCollectionResponse& info,
                        Console& console) {
  JsonWriter out;
  out.begin_object().key("points").begin_array();
  for (const v1::Point& point : page.points()) out.raw_line(TRY(point_json(point, info)));
  out.end_array();
  if (page.has_next()) out.key("next").raw(id_json(page.next()));
  if (!page.cursor().empty()) out.field("cursor", page.cursor());
  out.end_object();
  console.print_line(out.str());
  return {};
}

void print_table(const ScrollOptions& options, const v1::ScrollResponse& page, Console& console) {
  TextTable table(options.with_payload ? std::vector<std::string>{"id", "payload"}
                                       : std::vector<std::string>{"id"});
  for (const v1::Point& point : page.points()) {
    std::vector<std::string> cells = {shorten(id_text(point.id()), 60)};
    if (options.with_payload) cells.push_back(shorten(point.payload(), kPayloadColumns));
    table.add(std::move(cells));
  }
  if (page.points_size() == 0)
    console.note("no points");
  else
    console.print(table.str());
  if (page.has_next()) console.note(fmt::format("more: --from {}", id_text(page.next())));
  if (!page.cursor().empty()) console.note(fmt::format("more: --cursor {}", page.cursor()));
}

}  // namespace

Result<ExitCode> run_scroll(const ScrollOptions& options, Console& console) {
  const v1::ScrollRequest request = TRY(request_of(options));
  Session session = TRY(Session::open(options.target, false));
  const v1::GetCollectionResponse info = TRY(session.collection(options.collection));
  const v1::ScrollResponse page = TRY(session.api().scroll(request, session.stop()));
  if (console.json)
    TRY(print_json(page, info, console));
  else
    print_table(options, page, console);
  return ExitCode::kOk;
}

}  // namespace kith
