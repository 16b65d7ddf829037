// RowFilter: which nodes a search may return: live ones, of rows that are allowed where a set says so. Asks
// that set's bits, once there are some, instead of the set; counts what it asks.
#pragma once

#include "base/row_bits.h"
#include "base/stop.h"
#include "index/graph/graph_store.h"
#include "index/graph/label_filter.h"
#include "index/row_table.h"

namespace kith {

/// Which rows a search asks for: as in SearchRequest, null for all.
struct RowsAsked {
  const RowSet* allowed = nullptr;
  const RowBits* bits = nullptr;
  const LabelFilter* labels = nullptr;
};

class RowFilter {
 public:
  static constexpr uint64_t kChainSteps = 4096;  // members of a chain between two looks at the stop

  /// All that is given outlives the filter.
  RowFilter(const GraphStore& graph, const RowTable& rows, const RowsAsked& asked, const Stop& stop)
      : graph_(graph),
        rows_(rows),
        allowed_(asked.allowed),
        bits_(asked.bits),
        labels_(asked.labels),
        stop_(stop) {}

  /// Not all live rows pass.
  bool narrows() const { return allowed_ != nullptr || labels_ != nullptr; }
  const RowSet* allowed() const { return allowed_; }
  const LabelFilter* labels() const { return labels_; }
  bool has_bits() const { return bits_ != nullptr; }
  void use(const RowBits& bits) { bits_ = &bits; }

  bool returnable(Node node) {
    // First: of a node that is used again meanwhile the row is no older than this.
    const bool removed = rows_.removed(node);
    if (allowed_ != nullptr) {
      ++asked_;
      const Row row = rows_.row(node);
      if (!(bits_ != nullptr ? bits_->contains(row) : allowed_->contains(row))) return false;
      ++passed_;
    }
    if (labels_ != nullptr) {
      ++asked_;
      if (!labels_->matches(node)) return false;
    }
    return !removed;
  }

  /// Whether the node or a vector equal to it, of the first `nodes`, may be returned.
  bool passes(Node node, Node nodes) {
    return returnable(node) || (graph_.has_equals() && chain_passes(node, nodes));
  }

  /// How often the set of allowed rows, or the labels, were asked.
  uint64_t asked() const { return asked_; }
  /// How often it allowed the row.
  uint64_t passed() const { return passed_; }
  /// Rows that were taken from the set itself.
  void count(uint64_t taken) {
    asked_ += taken;
    passed_ += taken;
  }

 private:
  bool chain_passes(Node node, Node nodes) {
    uint64_t step = 1;
    for (node = graph_.next_equal(node); node < nodes; node = graph_.next_equal(node), ++step) {
      if (returnable(node)) return true;
      if (step % kChainSteps == 0 && !stop_.check()) return false;  // whoever asks next gets the error
    }
    return false;
  }

  const GraphStore& graph_;
  const RowTable& rows_;
  const RowSet* allowed_;
  const RowBits* bits_;
  const LabelFilter* labels_;
  const Stop& stop_;
  uint64_t asked_ = 0;
  uint64_t passed_ = 0;
};

}  // namespace kith
