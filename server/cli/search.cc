// kith search: the nearest points to one vector, as a table or as JSON.
#include <algorithm>

#include "query/schema/limits.h"
#include "server/cli/commands.h"
#include "server/cli/hits.h"
#include "server/cli/id_text.h"
#include "server/cli/query_vector.h"
#include "server/cli/wire.h"

namespace kith {
namespace {

/// Groups and diverse choices are made without the point of --like; else it is itself among the hits, so one
/// more is asked for and dropped.
bool drops_self(const SearchOptions& options) {
  return !options.like.empty() && !options.shape.group_by && !options.shape.diversity;
}

Result<void> check_like(const SearchOptions& options) {
  if (!drops_self(options) || options.radius || options.k + options.offset < limits::kK.max) return {};
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
  const bool like = drops_self(options);
  TRY(set_shape(options.shape, request));
  request.set_k(like ? options.k + options.offset + 1 : options.k);
  request.set_offset(like ? 0 : options.offset);
  request.set_effort(options.effort);
  if (options.recall) request.set_recall_target(*options.recall);
  if (options.explain == "analyze") request.set_explain(v1::EXPLAIN_ANALYZE);
  if (options.explain == "plan") request.set_explain(v1::EXPLAIN_PLAN);
  request.set_exact(options.exact);
  request.set_after_sequence(options.after);
  if (options.threshold) request.set_score_threshold(*options.threshold);
  if (!options.like.empty() && !like) {
    v1::Filter::List& all = *request.mutable_filter()->mutable_all();
    if (options.filter) all.add_of()->set_text(*options.filter);
    *all.add_of()->mutable_negated()->mutable_ids()->add_ids() = TRY(parse_id(options.like));
  } else if (options.filter) {
    request.mutable_filter()->set_text(*options.filter);
  }
  set_fetch(options, request.mutable_fetch());
  return session.api().search(request, session.stop());
}

Result<v1::SearchResponse> within_radius(const SearchOptions& options, const std::string& field,
                                         const std::vector<float>& values, Session& session) {
  v1::RangeSearchRequest request;
  request.set_collection(options.collection);
  set_vector(field, values, request.mutable_vector());
  request.set_radius(*options.radius);
  if (options.filter) request.mutable_filter()->set_text(*options.filter);
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
  if (drops_self(options)) drop_self(options, TRY(parse_id(options.like)), response);
  HitsView view;
  view.payload = options.with_payload;
  view.vector = options.with_vector;
  view.metric = TRY(metric_of(field.field()));
  view.explain = options.explain;
  view.first = options.radius ? 1 : options.offset + 1;
  TRY(print_hits(view, response, info, console));
  return ExitCode::kOk;
}

}  // namespace kith
