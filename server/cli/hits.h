// The answer of a search as people and programs read it: a table, or JSON.
#pragma once

#include "base/result.h"
#include "server/cli/commands.h"

namespace kith {

struct HitsView {
  bool payload = false;  // columns of the table
  bool vector = false;
  Metric metric = Metric::kL2;
  uint64_t first = 1;   // rank of the first hit
  std::string explain;  // "plan": nothing was searched; "analyze"
};

Result<void> print_hits(const HitsView& view, const v1::SearchResponse& response,
                        const v1::GetCollectionResponse& info, Console& console);

/// --group-by and --diversity, of a Search or a Recommend.
Result<void> set_shape(const ShapeOptions& shape, v1::SearchRequest& request);
Result<void> set_shape(const ShapeOptions& shape, v1::RecommendRequest& request);

}  // namespace kith
