// LabelFilter: what one search asks of labels, resolved against a LabelTable: which nodes match, which a walk
// keeps to, where it begins, and the list of all that match for a scan.
//
// With label edges (linker_labels.cc) a walk keeps to nodes that carry one of a few labels: those asked for
// under kAny, where every node that it meets matches; the rarest of them under kAll and kEqual, where
// matching ones among those are told apart. With groups (nested_store.h) it keeps to nodes that match.
#pragma once

#include <algorithm>

#include "index/graph/label_table.h"
#include "index/graph/nested_store.h"
#include "index/node_bits.h"

namespace kith {

class LabelFilter {
 public:
  /// `nested` null: label edges.
  LabelFilter(const LabelTable& table, const LabelQuery& query, const NestedStore* nested = nullptr);

  const LabelQuery& query() const { return query_; }
  /// By its own labels.
  bool matches(Node node) const {
    return nested_ != nullptr ? sets_.has(table_.set_of(node)) : matches_set(table_.set_of(node));
  }
  /// Whether a walk goes there.
  bool walks(Node node) const {
    return nested_ != nullptr ? sets_.has(table_.set_of(node)) : shares(table_.walk_set(node));
  }

  /// Walks can answer: there are starts, and they lead to all that match, but for `unmet` ones.
  bool walkable() const { return walkable_; }
  std::span<const Node> starts() const { return starts_; }
  /// All that a walk meets matches.
  bool exact() const { return nested_ != nullptr || query_.match == LabelMatch::kAny; }

  /// With groups: lists inside and above lead from the node to nodes that match alone.
  bool follows(Node node) const {
    return query_.match != LabelMatch::kEqual && sets_.has(table_.walk_set(node));
  }
  /// False too where more sets may match than are worth a look: labels are then what any other filter is.
  bool nested() const { return nested_ != nullptr; }
  /// Nodes that match and that no walk is sure to meet, as for_each.
  template <typename Visit>
  void for_each_unmet(Visit visit) const {
    for (const LabelSetNumber set : unmet_)
      if (!table_.for_each_node(set, visit)) return;
  }

  /// Live rows that match, at most and about.
  uint64_t rows() const { return rows_; }
  /// Visits the nodes that match, in no order, until `visit` returns false.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (const LabelSetNumber set : sets_to_scan())
      if (!table_.for_each_node(set, visit)) return;
  }

 private:
  void choose_labels();
  void choose_groups();
  bool has_few_sets() const;
  bool matches_set(LabelSetNumber set) const;
  bool shares(LabelSetNumber set) const {
    for (const Label label : table_.labels(set))
      if (std::find(walked_.begin(), walked_.end(), label) != walked_.end()) return true;
    return table_.universal(set);
  }
  uint64_t count_rows() const;
  std::vector<LabelSetNumber> sets_to_scan() const;

  const LabelTable& table_;
  const LabelQuery& query_;
  const NestedStore* nested_;            // null, too, where there are too many sets
  std::optional<LabelSetNumber> equal_;  // of kEqual
  std::vector<Label> walked_;            // a walk keeps to these, and to the universal one
  NodeBits sets_;                        // that match, by their numbers; with groups
  std::vector<LabelSetNumber> unmet_;
  std::vector<Node> starts_;
  uint64_t rows_ = 0;
  bool walkable_ = true;
};

}  // namespace kith
