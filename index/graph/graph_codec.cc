#include "index/graph/graph_codec.h"

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/schedule.h"
#include "index/graph/label_codec.h"

namespace kith {

using namespace graph_section;

namespace {

constexpr uint32_t kVersion = 2;

/// What of a live graph goes into the file.
struct Snapshot {
  NodeBits linked;
  NodeBits members;  // of the graph
  bool all_linked = true;
  std::vector<std::pair<Node, Node>> equals;
  std::optional<GraphEntry> entry;
};

/// Chains grow before their members are marked linked, so marks are read first: a member of a chain in the
/// snapshot that was not marked yet is left out and linked again after opening.
Snapshot snapshot_of(const GraphStore& graph, Node nodes) {
  Snapshot out;
  out.linked = NodeBits(nodes);
  out.entry = graph.entry();  // first: it is most likely among the linked ones then
  for (Node node = 0; node < nodes; ++node)
    if (schedule_point(); graph.left(node)) {
      continue;  // as one that was never linked: who opens it finds it removed
    } else if (graph.linked(node)) {
      out.linked.set(node);
    } else {
      out.all_linked = false;
    }
  out.members = out.linked;
  graph.for_each_equal([&](Node representative, Node member) {
    if (!out.linked.has(member)) return;
    if (!out.linked.has(representative)) {
      out.linked.set(member, false);
      out.members.set(member, false);
      return;
    }
    out.members.set(member, false);
    out.equals.emplace_back(representative, member);
  });
  return out;
}

/// The entry, or where it is newer than the snapshot the node of the highest level that is in it. Vectors
/// removed before they were linked count as linked and have no edges: they are no way in.
Node entry_of(const GraphStore& graph, const Snapshot& snapshot) {
  if (!snapshot.entry) return kNoNode;
  if (snapshot.members.has(snapshot.entry->node)) return snapshot.entry->node;
  Node best = kNoNode;
  std::vector<Node> neighbors(graph.base().capacity());
  for (Node node = 0; node < snapshot.linked.size(); ++node) {
    if (!snapshot.members.has(node) || (best != kNoNode && graph.level(node) <= graph.level(best))) continue;
    if (graph.base().read(node, neighbors.data()) > 0) best = node;
  }
  return best;
}

Result<void> write_head(SectionFileWriter& main, const GraphStore& graph, const Snapshot& snapshot) {
  const GraphShape shape(graph.options());
  const Node zero = graph.zero_node();
  ByteWriter head;
  head.number(shape.links);
  head.number(shape.degree);
  head.number(uint64_t{entry_of(graph, snapshot) + 1});
  head.number(uint64_t{(snapshot.members.has(zero) ? zero : kNoNode) + 1});
  main.begin(kHead);
  return main.append(head.view());
}

Result<void> write_links(SectionFileWriter& main, const Snapshot& snapshot) {
  TRY(write_bits(main, kLink, snapshot.linked));
  main.begin(kEqual);
  for (const auto& [representative, member] : snapshot.equals) {
    const Node pair[2] = {representative, member};
    TRY(main.append_numbers(std::span<const Node>(pair)));
  }
  return {};
}

Result<std::vector<uint32_t>> write_lists(CheckpointOutput& out, const GraphStore& graph,
                                          const Snapshot& snapshot) {
  const ExtentCut cut = list_cut(snapshot.linked.size(), graph);
  std::vector<uint32_t> sums;
  for (uint32_t i = 0; i < cut.size(); ++i) {
    const std::vector<std::byte> bytes = encode_lists(graph, cut[i], snapshot.members);
    sums.push_back(crc32c(bytes));
    const auto source = [&](const ByteSink& sink) { return sink(bytes); };
    TRY(write_extent(out, kListExtents, cut[i], sums.back(), bytes.size(), source));
  }
  return sums;
}

}  // namespace

Result<void> write_graph(CheckpointOutput& out, const GraphKind& kind, const IndexSpec& spec, Node nodes,
                         const RowTable& rows, const GraphStore& graph) {
  const Snapshot snapshot = snapshot_of(graph, nodes);
  const std::vector<uint32_t> list_sums = TRY(write_lists(out, graph, snapshot));
  const std::vector<uint32_t> vector_sums = TRY(write_vectors(out, nodes, graph.vectors()));
  SectionFileWriter main = TRY(SectionFileWriter::create(out, kMainFile, kind.magic, kVersion));
  TRY(write_common(main, spec, nodes, rows, vector_sums));
  TRY(write_head(main, graph, snapshot));
  TRY(write_links(main, snapshot));
  TRY(write_sums(main, kListSums, list_sums));
  const bool at_rest = snapshot.all_linked && rows.size() == nodes;
  if (graph.nested() != nullptr) {
    const NodeBits nested = nested_nodes(snapshot.linked, snapshot.equals, *graph.labels());
    const NodeBits groups = TRY(write_labels(main, graph, nested, {}, at_rest));
    TRY(write_nested_lists(out, main, graph, nested, groups));
  } else if (graph.labels() != nullptr) {
    TRY(write_labels(main, graph, snapshot.members, snapshot.equals, at_rest));
  }
  if (const CodeStore* codes = graph.codes()) TRY(codes->write(out, main, snapshot.linked));
  return main.finish();
}

Result<SectionFile> open_graph_file(const CheckpointInput& in, const GraphKind& kind) {
  return SectionFile::open(in, kMainFile, kind.magic, kVersion);
}

}  // namespace kith
