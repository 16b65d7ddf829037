// kith facet: the values at a path of the payload, and how many points have each.
#include "server/cli/commands.h"
#include "server/cli/json_writer.h"
#include "server/cli/table.h"
#include "server/cli/wire.h"

namespace kith {

Result<ExitCode> run_facet(const FacetOptions& options, Console& console) {
  v1::FacetRequest request;
  request.set_collection(options.collection);
  TRY(set_path(options.path, "PATH", request.mutable_path()));
  if (options.filter) request.mutable_filter()->set_text(*options.filter);
  request.set_limit(static_cast<uint32_t>(options.limit));
  request.set_after_sequence(options.after);
  Session session = TRY(Session::open(options.target, false));
  const v1::FacetResponse facets = TRY(session.api().facet(request, session.stop()));
  if (console.json) {
    JsonWriter out;
    out.begin_object().key("values").begin_array();
    for (const v1::FacetValue& each : facets.values())
      out.begin_object()
          .key("value")
          .raw(value_json(each.value()))
          .field("points", each.points())
          .end_object();
    out.end_array().field("distinct", facets.distinct()).end_object();
    console.print_line(out.str());
    return ExitCode::kOk;
  }
  TextTable table({"value", ">points"});
  for (const v1::FacetValue& each : facets.values())
    table.add({value_text(each.value()), human_count(each.points())});
  if (facets.values_size() == 0)
    console.note("no values");
  else
    console.print(table.str());
  const uint64_t more = facets.distinct() - static_cast<uint64_t>(facets.values_size());
  if (more > 0) console.note(fmt::format("{} more values; --limit shows more", human_count(more)));
  return ExitCode::kOk;
}

}  // namespace kith
