// Rows that are written anew with the vector that they had: their node stays where it is, and no list
// changes.
#include <algorithm>

#include "base/schedule.h"
#include "index/graph/graph_index.h"

namespace kith {

Result<std::vector<Renaming>> GraphIndex::add_replacing(std::span<const Row> rows, VectorBlock vectors,
                                                        std::span<const Row> replaced) {
  TRY(graph_.space().check_block(rows, vectors));
  std::vector<Renaming> renamed;
  size_t begin = 0;  // of those to be added
  const auto add_until = [&](size_t end) -> Result<void> {
    if (begin == end) return {};
    const size_t count = end - begin;
    return append(rows.subspan(begin, count), {vectors[begin].data, vectors.type, vectors.dim, count}, {});
  };
  for (size_t i = 0; i < rows.size(); ++i) {
    const Node node = replaced[i] == kNoRow ? kNoNode : rows_.find(replaced[i]);
    if (node == kNoNode || rows_.removed(node) || !TRY(graph_.vectors().holds(node, vectors[i].data)) ||
        !TRY(begin_renames()))
      continue;
    TRY(add_until(i));
    TRY(rows_.reserve(rows.subspan(i, 1)));
    rows_.expect(rows[i], node);
    renamed.push_back({replaced[i], rows[i]});
    begin = i + 1;
  }
  TRY(add_until(rows.size()));
  return renamed;
}

/// Whether rows may be renamed now: all who read know that nodes are not in the order of rows, and no
/// checkpoint is being written, nor will be before `rename`: of the rows of one write, it would hold some
/// under their old numbers below others under new ones.
Result<bool> GraphIndex::begin_renames() {
  if (renaming_.owns_lock()) return true;
  if (graph_.options().deterministic || graph_.labels() != nullptr) return false;
  std::unique_lock lock(reuse_mutex_);
  if (saving_ > 0) return false;
  TRY(free_.look(rows_, true));
  if (!free_.ordered()) return false;
  renaming_ = std::move(lock);
  return true;
}

void GraphIndex::rename(std::span<const Renaming> rows) {
  for (const Renaming& row : rows) {
    rows_.rename(rows_.find(row.from), row.to);
    schedule_point();
  }
  if (renaming_.owns_lock()) renaming_.unlock();
}

}  // namespace kith
