#include "server/cli/hits.h"

#include "server/cli/explained.h"
#include "server/cli/id_text.h"
#include "server/cli/json_writer.h"
#include "server/cli/table.h"
#include "server/cli/wire.h"

namespace kith {
namespace {

constexpr size_t kPayloadColumns = 100;
using Hits = google::protobuf::RepeatedPtrField<v1::Hit>;

Result<void> write_hits(const Hits& hits, const v1::GetCollectionResponse& info, JsonWriter& out) {
  out.key("hits").begin_array();
  for (const v1::Hit& hit : hits) {
    out.begin_object().key("id").raw(id_json(hit.id())).field("score", hit.score());
    if (!hit.payload().empty()) out.key("payload").raw_line(hit.payload());
    if (hit.expires_at_ms() != 0) out.field("expires_at_ms", hit.expires_at_ms());
    if (hit.vectors_size() > 0) out.key("vectors").begin_object();
    for (const v1::Vector& vector : hit.vectors()) {
      const v1::FieldInfo field = TRY(pick_field(info, vector.field()));
      out.key(vector.field()).floats(TRY(floats_of(vector, field.field())));
    }
    if (hit.vectors_size() > 0) out.end_object();
    out.end_object();
  }
  out.end_array();
  return {};
}

Result<void> print_json(const HitsView& view, const v1::SearchResponse& response,
                        const v1::GetCollectionResponse& info, Console& console) {
  JsonWriter out;
  out.begin_object();
  TRY(write_hits(response.hits(), info, out));
  if (response.groups_size() > 0) out.key("groups").begin_array();
  for (const v1::HitGroup& group : response.groups()) {
    out.begin_object().key("value").raw(value_json(group.value()));
    TRY(write_hits(group.hits(), info, out));
    out.end_object();
  }
  if (response.groups_size() > 0) out.end_array();
  const v1::SearchStats& stats = response.stats();
  out.key("stats").begin_object();
  out.field("full_distances", stats.full_distances()).field("code_distances", stats.code_distances());
  out.field("hops", stats.hops()).field("pending_scanned", stats.pending_scanned());
  out.field("predicate_evaluations", stats.predicate_evaluations()).end_object();
  TRY(write_explained(response, view.explain == "analyze", out));
  out.end_object();
  console.print_line(out.str());
  return {};
}

/// What follows the rank.
Result<std::vector<std::string>> cells_of(const HitsView& view, const v1::Hit& hit,
                                          const v1::GetCollectionResponse& info) {
  std::vector<std::string> cells = {shorten(id_text(hit.id()), 60), fmt::format("{:.6g}", hit.score())};
  if (view.payload) cells.push_back(shorten(hit.payload(), kPayloadColumns));
  if (!view.vector) return cells;
  JsonWriter text;
  for (const v1::Vector& vector : hit.vectors()) {
    const v1::FieldInfo field = TRY(pick_field(info, vector.field()));
    text.floats(TRY(floats_of(vector, field.field())));
  }
  cells.push_back(shorten(text.str(), 60));
  return cells;
}

Result<void> add_row(std::string first, const HitsView& view, const v1::Hit& hit,
                     const v1::GetCollectionResponse& info, TextTable& table) {
  std::vector<std::string> cells = TRY(cells_of(view, hit, info));
  cells.insert(cells.begin(), std::move(first));
  table.add(std::move(cells));
  return {};
}

Result<void> print_table(const HitsView& view, const v1::SearchResponse& response,
                         const v1::GetCollectionResponse& info, Console& console) {
  const bool groups = response.groups_size() > 0;
  std::vector<std::string> headings = {groups ? "group" : ">#", "id",
                                       higher_is_nearer(view.metric) ? ">similarity" : ">distance"};
  if (view.payload) headings.push_back("payload");
  if (view.vector) headings.push_back("vector");
  TextTable table(headings);
  uint64_t rank = view.first;
  for (const v1::Hit& hit : response.hits()) TRY(add_row(std::to_string(rank++), view, hit, info, table));
  for (const v1::HitGroup& group : response.groups())
    for (const v1::Hit& hit : group.hits()) TRY(add_row(value_text(group.value()), view, hit, info, table));
  if (groups || response.hits_size() > 0)
    console.print(table.str());
  else
    console.note(info.points() == 0 ? "no hits: the collection is empty" : "no hits");
  return {};
}

template <typename Request>
Result<void> set_any_shape(const ShapeOptions& shape, Request& request) {
  if (shape.group_by) {
    TRY(set_path(*shape.group_by, "--group-by", request.mutable_group_by()->mutable_path()));
    request.mutable_group_by()->set_size(static_cast<uint32_t>(shape.group_size));
  }
  if (shape.diversity) {
    request.mutable_diversity()->set_lambda(*shape.diversity);
    request.mutable_diversity()->set_candidates(static_cast<uint32_t>(shape.candidates));
  }
  return {};
}

}  // namespace

Result<void> print_hits(const HitsView& view, const v1::SearchResponse& response,
                        const v1::GetCollectionResponse& info, Console& console) {
  if (console.json) return print_json(view, response, info, console);
  if (view.explain != "plan") TRY(print_table(view, response, info, console));
  if (response.has_explanation()) console.print(TRY(explained_text(response, view.explain == "analyze")));
  return {};
}

Result<void> set_shape(const ShapeOptions& shape, v1::SearchRequest& request) {
  return set_any_shape(shape, request);
}
Result<void> set_shape(const ShapeOptions& shape, v1::RecommendRequest& request) {
  return set_any_shape(shape, request);
}

}  // namespace kith
