// GraphIndex's rows with labels.
#include "index/graph/graph_index.h"

namespace kith {

Result<void> GraphIndex::add(std::span<const Row> rows, VectorBlock vectors) {
  return append(rows, vectors, {});
}

Result<void> GraphIndex::add_labeled(std::span<const Row> rows, VectorBlock vectors,
                                     std::span<const LabelSet> labels) {
  LabelTable* const table = graph_.labels();
  if (table == nullptr)
    return invalid_argument(
        "{}: the index was made without labels; give labels=filtered, stitched, nested or fused", kind_.name);
  if (labels.size() != rows.size())
    return invalid_argument("{} rows with labels for {} of them", rows.size(), labels.size());
  for (size_t i = 0; i < labels.size(); ++i)
    if (const Result<void> good = check_labels(labels[i]); !good)
      return invalid_argument("row {}: {}", rows[i], good.error().message);
  TRY(table->grow(0));  // before the first row
  std::vector<LabelSetNumber> sets;
  for (const LabelSet& set : labels) sets.push_back(TRY(table->intern(set)));
  return append(rows, vectors, sets);
}

Result<void> GraphIndex::check_query_labels(const LabelQuery& query) const {
  if (graph_.labels() == nullptr)
    return invalid_argument("{}: the index was made without labels; search among rows allowed instead",
                            kind_.name);
  return check_labels(query.labels);
}

}  // namespace kith
