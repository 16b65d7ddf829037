#include "index/graph/graph_codec.h"

#include <algorithm>

#include "base/bytes.h"

namespace kith {
namespace {

constexpr uint32_t kVersion = 1;
constexpr uint32_t kHead = section_tag("HEAD");
constexpr uint32_t kLink = section_tag("LINK");
constexpr uint32_t kList = section_tag("LIST");
constexpr uint32_t kMark = section_tag("MARK");
constexpr uint32_t kUpper = section_tag("UPPR");
constexpr uint32_t kEqual = section_tag("EQUL");
constexpr size_t kHeadBytes = 32;

/// As HEAD says it: 0 for the usual one.
uint32_t degree_number(const GraphOptions& options) {
  return options.degree == 2 * options.links ? 0 : options.degree;
}

using Pairs = std::vector<std::pair<Node, Node>>;

/// What of a live graph goes into the file.
struct Snapshot {
  std::vector<bool> linked;
  std::vector<bool> chained;
  Pairs equals;
  std::optional<GraphEntry> entry;

  bool in_graph(Node node) const { return node < linked.size() && linked[node] && !chained[node]; }
};

/// Chains grow before their members are marked linked, so marks are read first: a member of a chain in the
/// snapshot that was not marked yet is left out and linked again after opening.
Snapshot snapshot_of(const GraphStore& graph, Node nodes) {
  Snapshot out;
  out.linked.resize(nodes);
  out.chained.resize(nodes);
  out.entry = graph.entry();  // first: it is most likely among the linked ones then
  for (Node node = 0; node < nodes; ++node) out.linked[node] = graph.linked(node);
  graph.for_each_equal([&](Node representative, Node member) {
    if (member >= nodes || !out.linked[member]) return;
    if (representative >= nodes || !out.linked[representative]) {
      out.linked[member] = false;
      return;
    }
    out.chained[member] = true;
    out.equals.emplace_back(representative, member);
  });
  return out;
}

/// The entry, or where it is newer than the snapshot the node of the highest level that is in it. Vectors
/// removed before they were linked count as linked and have no edges: they are no way in.
Node entry_of(const GraphStore& graph, const Snapshot& snapshot) {
  if (!snapshot.entry) return kNoNode;
  if (snapshot.in_graph(snapshot.entry->node)) return snapshot.entry->node;
  Node best = kNoNode;
  std::vector<Node> neighbors(graph.base().capacity());
  for (Node node = 0; node < snapshot.linked.size(); ++node) {
    if (!snapshot.in_graph(node) || (best != kNoNode && graph.level(node) <= graph.level(best))) continue;
    if (graph.base().read(node, neighbors.data()) > 0) best = node;
  }
  return best;
}

class GraphWriter {
 public:
  GraphWriter(SectionFileWriter& writer, const GraphStore& graph, const Snapshot& snapshot)
      : writer_(writer),
        graph_(graph),
        snapshot_(snapshot),
        nodes_(static_cast<Node>(snapshot.linked.size())) {}

  Result<void> write_head() {
    const Node zero = graph_.zero_node();
    ByteWriter head;
    head.number(graph_.options().links);
    head.number(degree_number(graph_.options()));
    head.number(uint64_t{entry_of(graph_, snapshot_) + 1});
    head.number(uint64_t{(snapshot_.in_graph(zero) ? zero : kNoNode) + 1});
    head.number(uint64_t{snapshot_.equals.size()});
    writer_.begin(kHead);
    TRY(writer_.append(head.view()));
    writer_.begin(kLink);
    std::vector<uint8_t> bits((uint64_t{nodes_} + 7) / 8);
    for (Node node = 0; node < nodes_; ++node)
      if (snapshot_.linked[node]) bits[node / 8] |= static_cast<uint8_t>(1 << node % 8);
    return writer_.append_numbers(std::span<const uint8_t>(bits));
  }

  Result<void> write_base() {
    const uint32_t capacity = graph_.base().capacity();
    std::vector<std::byte> marks(uint64_t{nodes_} * ListMarks::bytes(capacity));
    writer_.begin(kList);
    for (Node node = 0; node < nodes_; ++node) {
      slots_.assign(capacity, 0);
      if (snapshot_.in_graph(node))
        copy_base(node, ListMarks(marks.data() + node * ListMarks::bytes(capacity)));
      TRY(writer_.append_numbers(std::span<const uint32_t>(slots_)));
    }
    writer_.begin(kMark);
    return writer_.append(marks);
  }

  Result<void> write_upper() {
    std::vector<Node> ids(graph_.upper().capacity());
    writer_.begin(kUpper);
    for (Node node = 0; node < nodes_; ++node) {
      for (uint32_t layer = 1; layer <= graph_.level(node); ++layer) {
        slots_.assign(ids.size(), 0);
        if (snapshot_.in_graph(node)) {
          const auto guard = graph_.locks().lock(node);
          const uint32_t count = graph_.upper().read(graph_.upper_list(node, layer), ids.data());
          uint32_t used = 0;
          for (uint32_t i = 0; i < count; ++i)
            if (snapshot_.in_graph(ids[i])) slots_[used++] = ids[i] + 1;
        }
        TRY(writer_.append_numbers(std::span<const uint32_t>(slots_)));
      }
    }
    return {};
  }

 private:
  void copy_base(Node node, ListMarks out) {
    std::vector<Node> ids(graph_.base().capacity());
    const auto guard = graph_.locks().lock(node);
    const ListMarks in = graph_.marks(node);
    const uint32_t count = graph_.base().read(node, ids.data());
    uint32_t used = 0;
    uint32_t checked = 0;
    for (uint32_t i = 0; i < count; ++i) {
      if (!snapshot_.in_graph(ids[i])) continue;
      out.set_forced(used, in.forced(i));
      checked += i < in.checked();
      slots_[used++] = ids[i] + 1;
    }
    out.set_checked(checked);
  }

  SectionFileWriter& writer_;
  const GraphStore& graph_;
  const Snapshot& snapshot_;
  Node nodes_;
  std::vector<uint32_t> slots_;
};

class GraphReader {
 public:
  GraphReader(const SectionFile& file, Node nodes, GraphStore& graph)
      : file_(file), nodes_(nodes), graph_(graph), linked_(nodes), chained_(nodes) {}

  Result<void> read() {
    std::byte head[kHeadBytes];
    SectionReader reader = TRY(SectionReader::open(file_, kHead));
    TRY(reader.read(head));
    TRY(reader.finish());
    const GraphOptions& options = graph_.options();
    if (load_le<uint32_t>(head) != options.links || load_le<uint32_t>(head + 4) != degree_number(options))
      return corruption("{}: HEAD says {} links, degree {}, SPEC {} and {}", file_.path(),
                        load_le<uint32_t>(head), load_le<uint32_t>(head + 4), options.links,
                        degree_number(options));
    TRY(read_links());
    TRY(read_equals());
    TRY(read_base());
    TRY(read_upper());
    const Node entry = TRY(node_of(load_le<uint64_t>(head + 8), "entry"));
    const Node zero = TRY(node_of(load_le<uint64_t>(head + 16), "zero node"));
    if (entry != kNoNode) graph_.offer_entry(entry, graph_.level(entry));
    unlink_unreachable();
    if (zero != kNoNode && linked_[zero]) graph_.set_zero_node(zero);
    for (const auto& [representative, member] : equals_)
      if (linked_[member]) graph_.add_equal(representative, member);
    for (Node node = 0; node < nodes_; ++node)
      if (linked_[node]) graph_.set_linked(node);
    return {};
  }

 private:
  bool in_graph(uint64_t node) const { return node < nodes_ && linked_[node] && !chained_[node]; }

  /// `slot` is node + 1 as in the file, or 0: kNoNode.
  Result<Node> node_of(uint64_t slot, const char* what) const {
    if (slot == 0) return kNoNode;
    if (in_graph(slot - 1)) return static_cast<Node>(slot - 1);
    return corruption("{}: {} {} is no node of the graph of {} vectors", file_.path(), what, slot - 1,
                      nodes_);
  }

  Result<void> read_links() {
    SectionReader reader = TRY(SectionReader::open(file_, kLink));
    std::vector<uint8_t> bits(reader.length());
    TRY(reader.read(std::as_writable_bytes(std::span(bits))));
    TRY(reader.finish());
    for (Node node = 0; node < nodes_; ++node) linked_[node] = bits[node / 8] >> node % 8 & 1;
    return {};
  }

  Result<void> read_equals() {
    SectionReader reader = TRY(SectionReader::open(file_, kEqual));
    std::vector<bool> stands(nodes_);  // representatives
    for (uint64_t read = 0; read < reader.length(); read += 8) {
      Node pair[2];
      TRY(reader.read(std::as_writable_bytes(std::span(pair))));
      const auto [representative, member] = std::pair(pair[0], pair[1]);
      const bool whole =
          representative < nodes_ && member < nodes_ && linked_[representative] && linked_[member];
      if (!whole || chained_[member] || stands[member] || chained_[representative] ||
          representative == member)
        return corruption("{}: section EQUL: vector {} cannot hang at {}", file_.path(), member,
                          representative);
      chained_[member] = true;
      stands[representative] = true;
      equals_.emplace_back(representative, member);
    }
    return reader.finish();
  }

  /// The snapshot leaves out edges to nodes that were being linked, and these may have been the only way to
  /// nodes linked behind them. Such nodes, and the vectors in their chains, are to be linked again.
  void unlink_unreachable() {
    const std::vector<bool> reachable = graph_.reachable(nodes_);
    for (const auto& [representative, member] : equals_)
      if (!reachable[representative]) linked_[member] = chained_[member] = false;
    for (Node node = 0; node < nodes_; ++node) {
      for (uint32_t layer = 1; layer <= graph_.level(node); ++layer) {
        const uint64_t list = graph_.upper_list(node, layer);
        slots_.resize(graph_.upper().capacity());
        ids_.assign(slots_.begin(), slots_.begin() + graph_.upper().read(list, slots_.data()));
        std::erase_if(ids_, [&](Node neighbor) { return !reachable[node] || !reachable[neighbor]; });
        graph_.upper().assign(list, ids_);
      }
      if (!in_graph(node) || reachable[node]) continue;
      linked_[node] = false;
      graph_.base().assign(node, {});
      ListMarks marks = graph_.marks(node);
      marks.set_checked(0);
      for (uint32_t i = 0; i < graph_.base().capacity(); ++i) marks.set_forced(i, false);
    }
  }

  Result<void> read_base() {
    const uint32_t capacity = graph_.base().capacity();
    SectionReader lists = TRY(SectionReader::open(file_, kList));
    SectionReader marks = TRY(SectionReader::open(file_, kMark));
    std::vector<std::byte> mark(ListMarks::bytes(capacity));
    for (Node node = 0; node < nodes_; ++node) {
      TRY(read_list(lists, node, 0, capacity));
      graph_.base().assign(node, ids_);
      TRY(marks.read(mark));
      const ListMarks in(mark.data());
      ListMarks out = graph_.marks(node);
      for (uint32_t i = 0; i < ids_.size(); ++i) out.set_forced(i, in.forced(i));
      out.set_checked(std::min<size_t>(in.checked(), ids_.size()));
    }
    TRY(marks.finish());
    return lists.finish();
  }

  Result<void> read_upper() {
    SectionReader lists = TRY(SectionReader::open(file_, kUpper));
    for (Node node = 0; node < nodes_; ++node) {
      for (uint32_t layer = 1; layer <= graph_.level(node); ++layer) {
        TRY(read_list(lists, node, layer, graph_.upper().capacity()));
        graph_.upper().assign(graph_.upper_list(node, layer), ids_);
      }
    }
    return lists.finish();
  }

  /// One list into ids_, each neighbour checked.
  Result<void> read_list(SectionReader& reader, Node node, uint32_t layer, uint32_t capacity) {
    slots_.resize(capacity);
    TRY(reader.read(std::as_writable_bytes(std::span(slots_))));
    ids_.clear();
    for (uint32_t i = 0; i < capacity; ++i) {
      if (slots_[i] == 0) continue;
      const Node neighbor = slots_[i] - 1;
      if (ids_.size() != i || !in_graph(node) || !in_graph(neighbor) || neighbor == node ||
          (layer > 0 && graph_.level(neighbor) < layer))
        return corruption("{}: layer {} list of node {}: neighbour {} at {} cannot be", file_.path(), layer,
                          node, neighbor, i);
      ids_.push_back(neighbor);
    }
    return {};
  }

  const SectionFile& file_;
  Node nodes_;
  GraphStore& graph_;
  std::vector<bool> linked_;
  std::vector<bool> chained_;
  Pairs equals_;
  std::vector<uint32_t> slots_;
  std::vector<Node> ids_;
};

}  // namespace

Result<void> read_graph(const SectionFile& file, Node nodes, GraphStore& graph) {
  auto codes = TRY(CodeStore::read(file, graph.space(), nodes, graph.seed()));
  if (codes != nullptr) graph.adopt_codes(std::move(codes));
  TRY(GraphReader(file, nodes, graph).read());
  const GraphOptions& options = graph.options();
  if (options.entry_moves && !options.levels && nodes > 0)
    graph.choose_landmarks(GraphStore::landmark_step(nodes - 1));
  return {};
}

Result<void> write_graph(FileSystem& fs, const std::string& path, const GraphKind& kind,
                         const IndexSpec& spec, Node nodes, const RowTable& rows, const GraphStore& graph) {
  const Snapshot snapshot = snapshot_of(graph, nodes);
  SectionFileWriter writer = TRY(SectionFileWriter::create(fs, path, kind.magic, kVersion));
  TRY(write_common(writer, spec, nodes, rows, graph.vectors()));
  GraphWriter graph_writer(writer, graph, snapshot);
  TRY(graph_writer.write_head());
  TRY(graph_writer.write_base());
  TRY(graph_writer.write_upper());
  if (const CodeStore* codes = graph.codes()) TRY(codes->write(writer, snapshot.linked));
  writer.begin(kEqual);
  for (const auto& [representative, member] : snapshot.equals) {
    const Node pair[2] = {representative, member};
    TRY(writer.append_numbers(std::span<const Node>(pair)));
  }
  return writer.finish();
}

Result<SectionFile> open_graph_file(FileSystem& fs, const std::string& path, const GraphKind& kind) {
  return SectionFile::open(fs, path, kind.magic, kVersion);
}

Result<void> check_graph_lengths(const SectionFile& file, Node nodes, const GraphStore& graph) {
  const uint64_t n = nodes;
  uint64_t upper = 0;
  for (Node node = 0; node < nodes; ++node) upper += graph.level(node);
  const std::pair<uint32_t, uint64_t> lengths[] = {
      {kHead, kHeadBytes},
      {kLink, (n + 7) / 8},
      {kList, n * graph.base().capacity() * sizeof(uint32_t)},
      {kMark, n * ListMarks::bytes(graph.base().capacity())},
      {kUpper, upper * graph.upper().capacity() * sizeof(uint32_t)},
  };
  for (const auto& [tag, length] : lengths) {
    const SectionReader section = TRY(SectionReader::open(file, tag));
    TRY(section.expect_length(length));
  }
  const SectionReader equals = TRY(SectionReader::open(file, kEqual));
  if (equals.length() % 8 != 0 || equals.length() / 8 > n)
    return corruption("{}: section EQUL has {} bytes for {} vectors", file.path(), equals.length(), nodes);
  return {};
}

}  // namespace kith
