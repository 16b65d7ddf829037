// Reads of a LocalApi that are more than one call and its conversion. Requests are validated, and what they
// are to see after is there.
#pragma once

#include <optional>

#include "query/database.h"
#include "server/api/api.h"
#include "server/api/convert_filter.h"

namespace kith {

/// ResourceExhausted when the answer is over limit 'answer_bytes'.
Result<void> check_answer(const google::protobuf::Message& answer);

template <typename Request>
Result<std::optional<Filter>> filter_of(const Request& request) {
  if (!request.has_filter()) return std::optional<Filter>();
  return std::optional<Filter>(TRY(filter_from_proto(request.filter(), "filter")));
}

/// Of a request with order_by.
Result<v1::ScrollResponse> local_ordered_scroll(const Collection& collection,
                                                const v1::ScrollRequest& request, const Stop& stop);
Result<v1::SearchResponse> local_recommend(const Collection& collection, const v1::RecommendRequest& request,
                                           const Stop& stop);
Result<v1::FacetResponse> local_facet(const Collection& collection, const v1::FacetRequest& request,
                                      const Stop& stop);

}  // namespace kith
