// Goal: a graph comes back from its checkpoint list by list, and damaged lists do no harm. Method: graphs of
// several extents made by hand and compared number by number; every bit of an extent flipped.
#include "index/graph/list_codec.h"

#include "index/graph/graph_index.h"
#include "index/graph/graph_reader.h"
#include "index/hnsw/hnsw_kind.h"
#include "tests/index/graph/graph_support.h"

namespace kith::test {
namespace {

/// A ring, so that all is reachable, with random edges; every 1000th vector in a chain, the last 100 pending.
struct HandMade {
  static constexpr Node kNodes = 140'000, kPending = 100;
  GraphOptions options;
  GraphStore graph;
  RowTable rows;

  static bool chained(Node node) { return node % 1000 == 999; }
  static GraphOptions make_options() {
    GraphOptions out = kHnswGraph.parse({{"m", "2"}}, space()).value();
    return out;
  }
  static VectorSpace space() { return VectorSpace::of(Metric::kL2, ScalarType::kU8, 3).value(); }

  HandMade(const IndexSpec& spec, Random& random)
      : options(make_options()), graph(space(), options, spec.seed) {
    graph.grow(kNodes).value();
    rows.reserve(first_rows(kNodes)).value();
    rows.publish(first_rows(kNodes));
    Node top = 0;
    for (Node node = 0; node < kNodes - kPending; ++node) {
      graph.set_linked(node);
      if (chained(node)) {
        graph.add_equal(node - 1, node);
        continue;
      }
      if (graph.level(node) > graph.level(top)) top = node;
      link(node, random);
    }
    graph.offer_entry(top, graph.level(top));
  }

  void link(Node node, Random& random) {
    constexpr Node kLinked = kNodes - kPending;
    const Node next = (node + (chained(node + 1) ? 2 : 1)) % kLinked;
    std::vector<Node> list = {next};
    ListMarks marks = graph.marks(node);
    marks.set_forced(0, true);
    while (list.size() < 1 + node % 4) {
      const auto other = static_cast<Node>(random.below(kLinked));
      if (chained(other) || other == node) continue;
      marks.set_forced(static_cast<uint32_t>(list.size()), random.below(2) == 0);
      list.push_back(other);
    }
    marks.set_checked(random.below(list.size() + 1));
    graph.base().assign(node, list);
    for (uint32_t layer = 1; layer <= graph.level(node); ++layer) {
      list.clear();
      for (Node other = 0; other < node && list.size() < node % 3; ++other)
        if (graph.level(other) >= layer && !chained(other)) list.push_back(other);
      graph.upper().assign(graph.upper_list(node, layer), list);
    }
  }
};

void expect_same_lists(const GraphStore& one, const GraphStore& other, Node nodes) {
  std::vector<Node> a(one.base().capacity()), b(a.size());
  for (Node node = 0; node < nodes; ++node) {
    const uint32_t count = one.base().read(node, a.data());
    ASSERT_EQ(other.base().read(node, b.data()), count) << "node " << node;
    ASSERT_TRUE(std::equal(a.begin(), a.begin() + count, b.begin())) << "node " << node;
    ASSERT_EQ(other.marks(node).checked(), one.marks(node).checked()) << "node " << node;
    for (uint32_t i = 0; i < count; ++i)
      ASSERT_EQ(other.marks(node).forced(i), one.marks(node).forced(i)) << "node " << node;
    ASSERT_EQ(other.next_equal(node), one.next_equal(node)) << "node " << node;
    ASSERT_EQ(other.linked(node), one.linked(node)) << "node " << node;
    for (uint32_t layer = 1; layer <= one.level(node); ++layer) {
      const uint32_t above = one.upper().read(one.upper_list(node, layer), a.data());
      ASSERT_EQ(other.upper().read(other.upper_list(node, layer), b.data()), above) << "node " << node;
      ASSERT_TRUE(std::equal(a.begin(), a.begin() + above, b.begin())) << "node " << node;
    }
  }
}

TEST(ListCodec, GraphsOfManyExtentsComeBack) {
  const uint64_t seed = test_seed(43);
  SCOPED_TRACE(seed);
  Random random(seed);
  IndexSpec spec = spec_of("hnsw", Metric::kL2, 3, {{"m", "2"}});
  spec.type = ScalarType::kU8;
  const HandMade made(spec, random);
  MemoryFileSystem fs;
  CheckpointDirectory directory(fs);
  const auto write = [&](CheckpointOutput& out) {
    return write_graph(out, kHnswGraph, spec, HandMade::kNodes, made.rows, made.graph);
  };
  ASSERT_OK(directory.write_with(write));
  ASSERT_EQ(directory.files().size(), 7u) << "main, three extents of lists, three of vectors";
  ASSERT_OK(directory.write_with(write));
  EXPECT_EQ(directory.kept(), 6u);
  ThreadPool pool(2);
  const SectionFile main = open_graph_file(directory, kHnswGraph).value();
  for (ThreadPool* with : {static_cast<ThreadPool*>(nullptr), &pool}) {
    GraphStore read(HandMade::space(), made.options, spec.seed);
    ASSERT_OK(read.grow(HandMade::kNodes));
    GraphReader reader(directory, main, HandMade::kNodes, read);
    std::vector<OpenJob> jobs;
    ASSERT_OK(reader.begin(jobs));
    ASSERT_EQ(jobs.size(), 3u);
    ASSERT_OK(run_jobs(with, jobs));
    reader.finish();
    expect_same_lists(made.graph, read, HandMade::kNodes);
    EXPECT_EQ(read.entry()->node, made.graph.entry()->node);
  }
  ASSERT_VALUE(opened, find_index_kind("hnsw").value()->open(directory, {.pool = &pool}));
  ASSERT_OK(find_index_kind("hnsw").value()->settle(*opened, Stop{}));
  ASSERT_VALUE(audit, audit_graph(*opened));
  EXPECT_EQ(audit.nodes, HandMade::kNodes);
  EXPECT_EQ(audit.unreachable, 0u);
}

/// Each list holds as many neighbours as it can: the widest counts of the file.
TEST(ListCodec, FullListsComeBack) {
  const uint64_t seed = test_seed(44);
  SCOPED_TRACE(seed);
  Random random(seed);
  for (const uint32_t degree : {4u, 255u, 256u}) {
    constexpr Node kNodes = 600;
    GraphOptions options;
    options.degree = degree;
    GraphStore graph(HandMade::space(), options, 1), read(HandMade::space(), options, 1);
    ASSERT_OK(graph.grow(kNodes));
    ASSERT_OK(read.grow(kNodes));
    NodeBits members(kNodes);
    for (Node node = 0; node < kNodes; ++node) {
      members.set(node);
      std::vector<Node> list;
      for (uint32_t i = 0; i < degree; ++i) {
        list.push_back((node + 1 + i) % kNodes);
        graph.marks(node).set_forced(i, random.below(3) == 0);
      }
      graph.marks(node).set_checked(degree);
      graph.base().assign(node, list);
    }
    const Extent all{0, 0, kNodes};
    const std::vector<std::byte> bytes = encode_lists(graph, all, members);
    ASSERT_OK(decode_lists(bytes, "f", all, members, read));
    expect_same_lists(graph, read, kNodes);
  }
}

/// Whatever bytes are decoded: Corruption, or lists whose every number is good.
TEST(ListCodec, DamagedListsAreRefusedOrGood) {
  const uint64_t seed = test_seed(45);
  SCOPED_TRACE(seed);
  Random random(seed);
  constexpr Node kNodes = 80;
  const Vectors vectors = clustered_vectors(kNodes, 12, 5, seed);
  const auto index = build(spec_of("hnsw", Metric::kL2, 12, {{"m", "3"}}), vectors);
  const GraphStore& graph = dynamic_cast<const GraphIndex&>(*index).graph();
  NodeBits members(kNodes);
  for (Node node = 0; node < kNodes; ++node) members.set(node, node % 20 != 19);
  const Extent all{0, 0, kNodes};
  const std::vector<std::byte> whole = encode_lists(graph, all, members);
  size_t refused = 0;
  for (size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    std::vector<std::byte> bytes = whole;
    bytes[bit / 8] ^= std::byte{1} << bit % 8;
    if (bit % 5 == 0) bytes.resize(random.below(bytes.size()));
    GraphStore read(graph.space(), graph.options(), graph.seed());
    ASSERT_OK(read.grow(kNodes));
    if (const auto decoded = decode_lists(bytes, "f", all, members, read); !decoded) {
      EXPECT_ERROR(decoded, Code::kCorruption, "f");
      ++refused;
    }
    std::vector<Node> list(read.base().capacity());
    for (Node node = 0; node < kNodes; ++node) {
      const uint32_t count = read.base().read(node, list.data());
      for (uint32_t i = 0; i < count; ++i) ASSERT_TRUE(members.has(list[i]) && list[i] != node);
      ASSERT_TRUE(count == 0 || members.has(node));
    }
  }
  EXPECT_GE(refused, whole.size()) << "of " << 8 * whole.size();
}

}  // namespace
}  // namespace kith::test
