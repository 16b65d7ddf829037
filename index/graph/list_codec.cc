#include "index/graph/list_codec.h"

#include <bit>

#include "index/bit_stream.h"

namespace kith {
namespace {

/// Widths of the numbers in a file.
struct Widths {
  unsigned base;   // of counts on layer 0
  unsigned upper;  // of counts above
  unsigned node;

  Widths(const GraphStore& graph, const NodeBits& members)
      : base(static_cast<unsigned>(std::bit_width(graph.base().capacity()))),
        upper(static_cast<unsigned>(std::bit_width(graph.upper().capacity()))),
        node(static_cast<unsigned>(std::bit_width(members.size() - 1))) {}
};

class ListEncoder {
 public:
  ListEncoder(const GraphStore& graph, const NodeBits& members)
      : graph_(graph),
        members_(members),
        widths_(graph, members),
        ids_(std::max(graph.base().capacity(), graph.upper().capacity())) {}

  void base(Node node) {
    entries_.clear();
    uint32_t checked = 0;
    if (members_.has(node)) {
      const auto guard = graph_.locks().lock(node);
      const ListMarks marks = graph_.marks(node);
      const uint32_t count = graph_.base().read(node, ids_.data());
      for (uint32_t i = 0; i < count; ++i) {
        if (!members_.has(ids_[i])) continue;
        checked += i < marks.checked();
        entries_.push_back(2 * ids_[i] + marks.forced(i));
      }
    }
    bits_.put(static_cast<uint32_t>(entries_.size()), widths_.base);
    if (entries_.empty()) return;
    bits_.put(checked, widths_.base);
    for (const uint32_t entry : entries_) bits_.put(entry, widths_.node + 1);
  }

  void upper(Node node, uint32_t layer) {
    entries_.clear();
    if (members_.has(node)) {
      const auto guard = graph_.locks().lock(node);
      const uint32_t count = graph_.upper().read(graph_.upper_list(node, layer), ids_.data());
      for (uint32_t i = 0; i < count; ++i)
        if (members_.has(ids_[i])) entries_.push_back(ids_[i]);
    }
    bits_.put(static_cast<uint32_t>(entries_.size()), widths_.upper);
    for (const uint32_t entry : entries_) bits_.put(entry, widths_.node);
  }

  std::vector<std::byte> take() { return bits_.take(); }

 private:
  const GraphStore& graph_;
  const NodeBits& members_;
  Widths widths_;
  std::vector<Node> ids_;
  std::vector<uint32_t> entries_;
  BitWriter bits_;
};

class ListDecoder {
 public:
  ListDecoder(std::span<const std::byte> bytes, const std::string& name, const NodeBits& members,
              GraphStore& graph)
      : bits_(bytes), name_(name), members_(members), graph_(graph), widths_(graph, members) {
    ids_.reserve(std::max(graph.base().capacity(), graph.upper().capacity()));
  }

  Result<void> base(Node node) {
    ListMarks marks = graph_.marks(node);
    const uint32_t count = TRY(count_of(node, 0, widths_.base, graph_.base().capacity()));
    if (count == 0) return {};
    const uint32_t checked = bits_.get(widths_.base);
    if (checked > count)
      return corruption("{}: list of node {}: {} of {} neighbours checked", name_, node, checked, count);
    marks.set_checked(checked);
    ids_.clear();
    for (uint32_t i = 0; i < count; ++i) {
      const uint32_t entry = bits_.get(widths_.node + 1);
      const Node neighbor = entry / 2;
      if (!members_.has(neighbor) || neighbor == node) return cannot_be(node, 0, neighbor);
      if (entry % 2 != 0) marks.set_forced(i, true);
      ids_.push_back(neighbor);
    }
    graph_.base().assign(node, ids_);
    return {};
  }

  Result<void> upper(Node node, uint32_t layer) {
    const uint32_t count = TRY(count_of(node, layer, widths_.upper, graph_.upper().capacity()));
    ids_.clear();
    for (uint32_t i = 0; i < count; ++i) {
      const Node neighbor = bits_.get(widths_.node);
      if (!members_.has(neighbor) || neighbor == node || graph_.level(neighbor) < layer)
        return cannot_be(node, layer, neighbor);
      ids_.push_back(neighbor);
    }
    graph_.upper().assign(graph_.upper_list(node, layer), ids_);
    return {};
  }

  Result<void> finish() const {
    if (bits_.finished()) return {};
    return corruption("{}: its lists are longer or shorter than its content", name_);
  }

 private:
  Result<uint32_t> count_of(Node node, uint32_t layer, unsigned width, uint32_t capacity) {
    const uint32_t count = bits_.get(width);
    if (count <= capacity && (count == 0 || members_.has(node))) return count;
    return corruption("{}: layer {} list of node {}: {} neighbours cannot be", name_, layer, node, count);
  }
  Error cannot_be(Node node, uint32_t layer, Node neighbor) const {
    return corruption("{}: layer {} list of node {}: neighbour {} cannot be", name_, layer, node, neighbor);
  }

  BitReader bits_;
  const std::string& name_;
  const NodeBits& members_;
  GraphStore& graph_;
  Widths widths_;
  std::vector<Node> ids_;
};

}  // namespace

ExtentCut list_cut(Node nodes, const GraphStore& graph) {
  return {nodes, graph.base().bytes()};
}

std::vector<std::byte> encode_lists(const GraphStore& graph, const Extent& extent, const NodeBits& members) {
  ListEncoder encoder(graph, members);
  for (Node node = extent.first; node < extent.end; ++node) {
    encoder.base(node);
    const uint32_t level = graph.level(node);
    for (uint32_t layer = 1; layer <= level; ++layer) encoder.upper(node, layer);
  }
  return encoder.take();
}

Result<void> decode_lists(std::span<const std::byte> bytes, const std::string& name, const Extent& extent,
                          const NodeBits& members, GraphStore& graph) {
  ListDecoder decoder(bytes, name, members, graph);
  for (Node node = extent.first; node < extent.end; ++node) {
    TRY(decoder.base(node));
    const uint32_t level = graph.level(node);
    for (uint32_t layer = 1; layer <= level; ++layer) TRY(decoder.upper(node, layer));
  }
  return decoder.finish();
}

}  // namespace kith
