// kith recommend: points like some and unlike others.
#include "server/cli/commands.h"
#include "server/cli/hits.h"
#include "server/cli/id_text.h"
#include "server/cli/wire.h"

namespace kith {
namespace {

Result<v1::RecommendRequest> request_of(const RecommendOptions& options) {
  v1::RecommendRequest request;
  request.set_collection(options.collection);
  request.set_field(options.field);
  for (const std::string& id : options.like) *request.add_positive()->mutable_id() = TRY(parse_id(id));
  for (const std::string& id : options.unlike) *request.add_negative()->mutable_id() = TRY(parse_id(id));
  request.set_strategy(options.strategy == "best-score" ? v1::RECOMMEND_STRATEGY_BEST_SCORE
                                                        : v1::RECOMMEND_STRATEGY_AVERAGE);
  request.set_k(options.k);
  request.set_offset(options.offset);
  request.set_effort(options.effort);
  request.set_exact(options.exact);
  if (options.threshold) request.set_score_threshold(*options.threshold);
  if (options.filter) request.mutable_filter()->set_text(*options.filter);
  TRY(set_shape(options.shape, request));
  request.set_after_sequence(options.after);
  request.mutable_fetch()->set_payload(options.with_payload);
  request.mutable_fetch()->set_vectors(options.with_vector);
  return request;
}

}  // namespace

Result<ExitCode> run_recommend(const RecommendOptions& options, Console& console) {
  const v1::RecommendRequest request = TRY(request_of(options));
  Session session = TRY(Session::open(options.target, false));
  const v1::GetCollectionResponse info = TRY(session.collection(options.collection));
  const v1::FieldInfo field = TRY(pick_field(info, options.field));
  const v1::SearchResponse response = TRY(session.api().recommend(request, session.stop()));
  HitsView view;
  view.payload = options.with_payload;
  view.vector = options.with_vector;
  view.metric = TRY(metric_of(field.field()));
  view.first = options.offset + 1;
  TRY(print_hits(view, response, info, console));
  return ExitCode::kOk;
}

}  // namespace kith
