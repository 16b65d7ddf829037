#include "index/graph/graph_reader.h"

#include "base/bytes.h"
#include "index/graph/nested_linker.h"

namespace kith {

using namespace graph_section;

Result<void> GraphReader::begin(std::vector<OpenJob>& jobs) {
  linked_ = members_ = TRY(read_bits(main_, kLink, nodes_));
  TRY(read_equals());
  TRY(read_head());
  if (graph_.labels() != nullptr) TRY(read_labels(jobs));
  auto codes = TRY(CodeStore::read(in_, main_, graph_.space(), nodes_, graph_.seed(), jobs));
  if (codes != nullptr) graph_.all_codes().adopt(std::move(codes));
  const std::vector<uint32_t> sums = TRY(read_sums(main_, kListSums, cut_));
  for (uint32_t i = 0; i < cut_.size(); ++i)
    jobs.push_back([this, extent = cut_[i], sum = sums[i]] { return read_lists(extent, sum); });
  return {};
}

void GraphReader::finish() {
  if (entry_ != kNoNode) graph_.offer_entry(entry_, graph_.level(entry_));
  unlink_unreachable();
  if (zero_ != kNoNode && linked_.has(zero_)) graph_.set_zero_node(zero_);
  for (const auto& [representative, member] : equals_)
    if (linked_.has(member)) graph_.add_equal(representative, member);
  for (Node node = 0; node < nodes_; ++node)
    if (linked_.has(node)) graph_.set_linked(node);
  for (const LabelStart& start : starts_.starts)  // one that is linked again is none
    if (linked_.has(start.start)) {
      graph_.labels()->claim_start(start.label, start.start);
      if (start.loose > 0) graph_.labels()->count_loose(start.label, start.loose);
    }
  if (graph_.nested() != nullptr) begin_groups();
  const GraphOptions& options = graph_.options();
  if (options.entry_moves && !options.levels && nodes_ > 0)
    graph_.choose_landmarks(GraphStore::landmark_step(nodes_ - 1));
}

Result<void> GraphReader::read_labels(std::vector<OpenJob>& jobs) {
  LabelTable& labels = *graph_.labels();
  const std::vector<LabelSetNumber> numbers = TRY(read_label_sets(main_, nodes_, labels));
  if (graph_.nested() != nullptr) {
    nested_ = nested_nodes(linked_, equals_, labels);
    starts_ = TRY(read_label_starts(main_, nested_, numbers, graph_));
    return read_nested_lists(in_, main_, nested_, graph_, jobs);
  }
  starts_ = TRY(read_label_starts(main_, members_, numbers, graph_));
  for (const auto& [representative, member] : equals_)
    TRY(labels.widen(representative, labels.set_of(member)));
  return {};
}

/// Those whose start is not to be linked again; lists of what is are cleared. A file may say that it is whole
/// and not be.
void GraphReader::begin_groups() {
  NestedStore& nested = *graph_.nested();
  drop_unlinked();
  for (const LabelGroups::Group& group : starts_.groups) {
    if (!linked_.has(group.entries.front())) continue;
    nested.groups.begin(group.set, group.entries.front());
    if (group.loose > 0) nested.groups.count_loose(group.set, group.loose);
    nested.groups.lead_from(group.led_from, group.set);
  }
  for (Node node = 0; node < nodes_; ++node)
    if (nested_.has(node)) nested.groups.count_row(graph_.labels()->walk_set(node), node);
  starts_.at_rest = starts_.at_rest && nested_whole(graph_, nested_);
}

/// Edges to a node that is linked again may come to lead to a member of a chain, whose row is found by the
/// chain already.
void GraphReader::drop_unlinked() {
  NestedStore& nested = *graph_.nested();
  bool dropped = false;
  for (Node node = 0; node < nodes_; ++node) {
    if (!nested_.has(node) || linked_.has(node)) continue;
    nested.clear(node);
    nested_.set(node, false);
    dropped = true;
  }
  for (Node node = 0; dropped && node < nodes_; ++node)
    if (nested_.has(node)) nested.keep_edges(node, [&](Node other) { return nested_.has(other); });
}

Result<void> GraphReader::read_equals() {
  SectionReader reader = TRY(SectionReader::open(main_, kEqual));
  if (reader.length() % 8 != 0 || reader.length() / 8 > nodes_)
    return corruption("{}: section EQUL has {} bytes for {} vectors", main_.name(), reader.length(), nodes_);
  NodeBits stands(nodes_);  // representatives
  for (uint64_t read = 0; read < reader.length(); read += 8) {
    Node pair[2];
    TRY(reader.read(std::as_writable_bytes(std::span(pair))));
    const auto [representative, member] = std::pair(pair[0], pair[1]);
    if (!members_.has(representative) || !members_.has(member) || stands.has(member) ||
        representative == member)
      return corruption("{}: section EQUL: vector {} cannot hang at {}", main_.name(), member,
                        representative);
    members_.set(member, false);
    stands.set(representative);
    equals_.emplace_back(representative, member);
  }
  return reader.finish();
}

Result<void> GraphReader::read_head() {
  SectionReader reader = TRY(SectionReader::open(main_, kHead));
  std::byte head[24];
  TRY(reader.expect_length(sizeof head));
  TRY(reader.read(head));
  TRY(reader.finish());
  const GraphShape shape(graph_.options());
  if (load_le<uint32_t>(head) != shape.links || load_le<uint32_t>(head + 4) != shape.degree)
    return corruption("{}: HEAD says {} links, degree {}, SPEC {} and {}", main_.name(),
                      load_le<uint32_t>(head), load_le<uint32_t>(head + 4), shape.links, shape.degree);
  entry_ = TRY(node_of(load_le<uint64_t>(head + 8), "entry"));
  zero_ = TRY(node_of(load_le<uint64_t>(head + 16), "zero node"));
  return {};
}

/// `slot` is node + 1 as in the file, or 0: kNoNode.
Result<Node> GraphReader::node_of(uint64_t slot, const char* what) const {
  if (slot == 0) return kNoNode;
  if (members_.has(slot - 1)) return static_cast<Node>(slot - 1);
  return corruption("{}: {} {} is no node of the graph of {} vectors", main_.name(), what, slot - 1, nodes_);
}

Result<void> GraphReader::read_lists(const Extent& extent, uint32_t sum) {
  const SectionFile file = TRY(open_extent(in_, kListExtents, extent, sum));
  SectionReader reader = TRY(SectionReader::open(file, kExtentData));
  std::vector<std::byte> bytes(reader.length());
  TRY(reader.read(bytes));
  TRY(reader.finish());
  return decode_lists(bytes, file.name(), extent, members_, graph_);
}

/// The snapshot leaves out edges to nodes that were being linked, and these may have been the only way to
/// nodes linked behind them. Such nodes, and the vectors in their chains, are to be linked again.
void GraphReader::unlink_unreachable() {
  const NodeBits reachable = graph_.reachable(nodes_);
  if (reachable == members_) return;
  for (const auto& [representative, member] : equals_)
    if (!reachable.has(representative)) linked_.set(member, false);
  std::vector<Node> ids;
  for (Node node = 0; node < nodes_; ++node) {
    for (uint32_t layer = 1; layer <= graph_.level(node); ++layer) {
      const uint64_t list = graph_.upper_list(node, layer);
      ids.resize(graph_.upper().capacity());
      ids.resize(graph_.upper().read(list, ids.data()));
      std::erase_if(ids, [&](Node neighbor) { return !reachable.has(node) || !reachable.has(neighbor); });
      graph_.upper().assign(list, ids);
    }
    if (members_.has(node) && !reachable.has(node)) unlink(node);
  }
}

void GraphReader::unlink(Node node) {
  linked_.set(node, false);
  graph_.base().assign(node, {});
  ListMarks marks = graph_.marks(node);
  marks.set_checked(0);
  for (uint32_t i = 0; i < graph_.base().capacity(); ++i) marks.set_forced(i, false);
}

}  // namespace kith
