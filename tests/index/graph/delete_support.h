// What tests of deletes share.
#pragma once

#include <memory>
#include <vector>

#include "index/graph/graph_index.h"
#include "tests/index/graph/graph_support.h"

namespace kith::test {

inline void settle(Index& index, const IndexSpec& spec) {
  EXPECT_OK(find_index_kind(spec.kind).value()->settle(index, Stop{}));
}

inline const GraphStore& graph_of(const Index& index) {
  return dynamic_cast<const GraphIndex&>(index).graph();
}

/// A flat index of what stays of rows, under the same numbers.
inline std::unique_ptr<Index> flat_of(const Vectors& vectors, const std::vector<bool>& removed,
                                      Metric metric = Metric::kL2) {
  std::unique_ptr<Index> flat = build(spec_of("flat", metric, vectors.dim), vectors);
  for (size_t i = 0; i < removed.size(); ++i)
    if (removed[i]) {
      EXPECT_OK(flat->remove(static_cast<Row>(i)));
    }
  return flat;
}

}  // namespace kith::test
