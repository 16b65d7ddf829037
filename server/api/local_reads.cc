#include "server/api/local_reads.h"

#include "server/api/convert.h"
#include "server/api/convert_filter.h"
#include "server/api/wire_limits.h"

namespace kith {

Result<void> check_answer(const google::protobuf::Message& answer) {
  const size_t bytes = answer.ByteSizeLong();
  if (bytes <= limits::kAnswerBytes.max) return {};
  return resource_exhausted(
      "the answer has {} bytes, over {} (limit 'answer_bytes'); ask for fewer points, or without "
      "payloads and vectors",
      bytes, limits::kAnswerBytes.max);
}

Result<v1::ScrollResponse> local_ordered_scroll(const Collection& collection,
                                                const v1::ScrollRequest& request, const Stop& stop) {
  constexpr uint64_t kStoredShare = 4;  // f16 is sent as f32, and ids and names come with it
  OrderedScroll query;
  query.order = {path_from_proto(request.order_by().path()), request.order_by().descending()};
  query.cursor = request.cursor();
  query.filter = TRY(filter_of(request));
  query.limit = request.limit() == 0 ? static_cast<uint32_t>(limits::kScrollLimit.fallback) : request.limit();
  AnswerBudget budget(limits::kAnswerBytes.max / kStoredShare);
  query.fetch = {request.fetch().payload(), request.fetch().vectors(), &budget};
  query.stop = stop;
  OrderedPage page = TRY(collection.scroll_ordered(query));
  v1::ScrollResponse response;
  for (Point& point : page.points)
    point_to_proto(std::move(point), collection.schema(), response.add_points());
  response.set_cursor(std::move(page.cursor));
  TRY(check_answer(response));
  return response;
}

Result<v1::SearchResponse> local_recommend(const Collection& collection, const v1::RecommendRequest& request,
                                           const Stop& stop) {
  RecommendQuery query = TRY(recommend_from_proto(request, collection.schema(), stop));
  AnswerBudget budget(limits::kAnswerBytes.max);
  query.query.fetch.budget = &budget;
  v1::SearchResponse response;
  answer_to_proto(TRY(collection.recommend(query)), collection.schema(), &response);
  TRY(check_answer(response));
  return response;
}

Result<v1::FacetResponse> local_facet(const Collection& collection, const v1::FacetRequest& request,
                                      const Stop& stop) {
  FacetQuery query;
  query.path = path_from_proto(request.path());
  query.filter = TRY(filter_of(request));
  query.limit = request.limit() == 0 ? static_cast<uint32_t>(limits::kFacetLimit.fallback) : request.limit();
  query.stop = stop;
  const Facets facets = TRY(collection.facet(query));
  v1::FacetResponse response;
  response.set_distinct(facets.distinct);
  for (const FacetValue& each : facets.values) {
    v1::FacetValue* to = response.add_values();
    scalar_to_proto(each.value, to->mutable_value());
    to->set_points(each.points);
  }
  TRY(check_answer(response));
  return response;
}

}  // namespace kith
