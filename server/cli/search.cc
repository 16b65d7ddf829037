// kith search: the nearest points to one vector, as a table or as JSON.
#include <algorithm>

#include "query/schema/limits.h"
#include "server/cli/commands.h"
#include "server/cli/id_text.h"
#include "server/cli/json_writer.h"
#include "server/cli/query_vector.h"
#include "server/cli/table.h"
#include "server/cli/wire.h"

namespace kith {
namespace {

constexpr size_t kPayloadColumns = 100;

/// The point of --like is itself among the hits, so one more is asked for and dropped.
Result<void> check_like(const SearchOptions& options) {
  if (options.like.empty() || options.radius || options.k + options.offset < limits::kK.max) return {};
  return invalid_argument("--like: -k {} and --offset {} are too much; together they may be {}", options.k,
                          options.offset, limits::kK.max - 1);
}

void set_vector(const std::string& field, const std::vector<float>& values, v1::Vector* out) {
  out->set_field(field);
  out->mutable_values()->Add(values.begin(), values.end());
}

void set_fetch(const SearchOptions& options, v1::Fetch* fetch) {
  fetch->set_payload(options.with_payload);
  fetch->set_vectors(options.with_vector);
}

Result<v1::SearchResponse> nearest(const SearchOptions& options, const std::string& field,
                                   const std::vector<float>& values, Session& session) {
  v1::SearchRequest request;
  request.set_collection(options.collection);
  set_vector(field, values, request.mutable_vector());
  const bool like = !options.like.empty();
  request.set_k(like ? options.k + options.offset + 1 : options.k);
  request.set_offset(like ? 0 : options.offset);
  request.set_effort(options.effort);
  request.set_exact(options.exact);
  request.set_after_sequence(options.after);
  if (options.threshold) request.set_score_threshold(*options.threshold);
  set_fetch(options, request.mutable_fetch());
  return session.api().search(request, session.stop());
}

Result<v1::SearchResponse> within_radius(const SearchOptions& options, const std::string& field,
                                         const std::vector<float>& values, Session& session) {
  v1::RangeSearchRequest request;
  request.set_collection(options.collection);
  set_vector(field, values, request.mutable_vector());
  request.set_radius(*options.radius);
  const uint64_t self = options.like.empty() ? 0 : 1;
  request.set_limit(std::min(options.limit + self, limits::kRangeLimit.max));
  request.set_effort(options.effort);
  request.set_exact(options.exact);
  request.set_after_sequence(options.after);
  set_fetch(options, request.mutable_fetch());
  return session.api().range_search(request, session.stop());
}

void drop_self(const SearchOptions& options, const v1::Id& self, v1::SearchResponse& response) {
  std::vector<v1::Hit> kept;
  const std::string text = id_text(self);
  for (v1::Hit& hit : *response.mutable_hits()) {
    if (id_text(hit.id()) != text) kept.push_back(std::move(hit));
  }
  const bool range = options.radius.has_value();
  const size_t begin = range ? 0 : std::min<size_t>(options.offset, kept.size());
  const size_t end = std::min<size_t>(begin + (range ? options.limit : options.k), kept.size());
  response.clear_hits();
  for (size_t i = begin; i < end; ++i) *response.add_hits() = std::move(kept[i]);
}

Result<void> print_json(const v1::SearchResponse& response, const v1::GetCollectionResponse& info,
                        Console& console) {
  JsonWriter out;
  out.begin_object().key("hits").begin_array();
  for (const v1::Hit& hit : response.hits()) {
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
  const v1::SearchStats& stats = response.stats();
  out.end_array().key("stats").begin_object();
  out.field("full_distances", stats.full_distances()).field("code_distances", stats.code_distances());
  out.field("hops", stats.hops()).field("pending_scanned", stats.pending_scanned()).end_object().end_object();
  console.print_line(out.str());
  return {};
}

Result<void> print_table(const SearchOptions& options, const v1::SearchResponse& response,
                         const v1::GetCollectionResponse& info, Metric metric, Console& console) {
  std::vector<std::string> headings = {">#", "id", higher_is_nearer(metric) ? ">similarity" : ">distance"};
  if (options.with_payload) headings.push_back("payload");
  if (options.with_vector) headings.push_back("vector");
  TextTable table(headings);
  const uint64_t first = options.radius ? 0 : options.offset;
  for (int i = 0; i < response.hits_size(); ++i) {
    const v1::Hit& hit = response.hits(i);
    std::vector<std::string> cells = {std::to_string(first + static_cast<uint64_t>(i) + 1),
                                      shorten(id_text(hit.id()), 60), fmt::format("{:.6g}", hit.score())};
    if (options.with_payload) cells.push_back(shorten(hit.payload(), kPayloadColumns));
    if (options.with_vector) {
      JsonWriter text;
      for (const v1::Vector& vector : hit.vectors()) {
        const v1::FieldInfo field = TRY(pick_field(info, vector.field()));
        text.floats(TRY(floats_of(vector, field.field())));
      }
      cells.push_back(shorten(text.str(), 60));
    }
    table.add(std::move(cells));
  }
  if (response.hits_size() == 0) {
    console.note(info.points() == 0 ? "no hits: the collection is empty" : "no hits");
  } else {
    console.print(table.str());
  }
  return {};
}

}  // namespace

Result<ExitCode> run_search(const SearchOptions& options, Console& console) {
  TRY(check_like(options));
  Session session = TRY(Session::open(options.target, false));
  const v1::GetCollectionResponse info = TRY(session.collection(options.collection));
  const v1::FieldInfo field = TRY(pick_field(info, options.field));
  const std::vector<float> values = TRY(query_vector(options, field.field(), session));
  const std::string& name = field.field().name();
  v1::SearchResponse response = options.radius ? TRY(within_radius(options, name, values, session))
                                               : TRY(nearest(options, name, values, session));
  if (!options.like.empty()) drop_self(options, TRY(parse_id(options.like)), response);
  const Metric metric = TRY(metric_of(field.field()));
  if (console.json) {
    TRY(print_json(response, info, console));
  } else {
    TRY(print_table(options, response, info, metric, console));
  }
  return ExitCode::kOk;
}

}  // namespace kith
