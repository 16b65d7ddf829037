// Goal: whatever the order in which writer, linkers, searches, deletes and checkpoints come, no search
// returns a row that was removed before it began, one twice, or one under another row's distance; every row
// that is there is found by exact scans; and in the end the graph is whole, each row on one node and each
// code that of its vector, however often codes were trained anew. Method:
// tiny indexes whose limits are small (base/schedule.h), thousands of seeded orders (scheduler.h),
// KITH_SCHEDULES of them from KITH_SEED on.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <set>
#include <thread>

#include "base/io/memory_file_system.h"
#include "base/random.h"
#include "index/graph/graph_index.h"
#include "index/registry.h"
#include "tests/schedule/scheduler.h"
#include "tests/support/checkpoint_directory.h"
#include "tests/support/result_matchers.h"
#include "tests/support/seed.h"

namespace kith::test {
namespace {

constexpr uint32_t kDim = 2;
constexpr Row kRowsMax = 96;
constexpr Label kLabels = 3;

/// Rows that come and go. The writer's, who runs alone whenever it looks: threads run one at a time.
struct Story {
  std::vector<float> vectors;    // of rows 0, 1, ...
  std::vector<LabelSet> labels;  // likewise, or empty
  std::map<Row, bool> live;      // acknowledged
  std::set<Row> under_way;       // being added or removed
  std::vector<std::string> wrong;

  const float* vector(Row row) const { return &vectors[row * kDim]; }
  bool carries(Row row, Label label) const { return std::ranges::count(labels[row], label) > 0; }
  void expect(bool good, const std::string& what) {
    if (!good) wrong.push_back(what);
  }
};

float distance(const float* a, const float* b) {
  const float x = a[0] - b[0], y = a[1] - b[1];
  return x * x + y * y;
}

class GraphSchedule {
 public:
  explicit GraphSchedule(uint64_t seed) : seed_(seed), random_(seed) {
    constexpr const char* kKinds[] = {"vamana", "hnsw", "nsw", "vamana"};
    spec_.kind = kKinds[seed % 4];
    spec_.dim = kDim;
    spec_.seed = seed;
    spec_.options = {{"codes", seed / 4 % 2 == 0 ? "none" : "rabitq4"}};  // trained anew every few rows
    if (seed % 8 == 3) spec_.options.emplace_back("deletes", "consolidate");
    for (Row row = 0; row < kRowsMax; ++row) {  // on a small grid: some are equal
      story_.vectors.push_back(static_cast<float>(random_.below(9)));
      story_.vectors.push_back(static_cast<float>(random_.below(9)));
    }
    if (seed % 8 == 4) carry_labels(seed % 32 == 4 ? "fused" : seed % 32 == 12 ? "stitched" : "filtered");
  }

  std::vector<std::string> run() {
    const Schedule schedule{seed_ + 1, 1u << (1 + seed_ % 5)};
    run_schedule(schedule, [this] {
      ThreadPool pool(2);
      spec_.pool = &pool;
      auto made = create_index(spec_);
      if (!made) return story_.expect(false, made.error().message);
      index_ = std::move(made).value();
      add(12);
      std::thread writer([this] { write(); });
      std::thread reader([this] { read(random_.next()); });
      std::thread saver([this] { save(); });
      writer.join();
      done_ = true;
      reader.join();
      saver.join();
      settle();
      index_ok(*index_, "in the end");
      index_.reset();
    });
    return story_.wrong;
  }

 private:
  void carry_labels(const char* which) {
    spec_.options.emplace_back("labels", which);
    Random random(seed_ + 7);
    for (Row row = 0; row < kRowsMax; ++row) {
      LabelSet& set = story_.labels.emplace_back();
      for (Label label = 1; label <= kLabels; ++label)
        if (random.below(2 * label) == 0) set.push_back(label);
    }
  }
  bool labeled() const { return !story_.labels.empty(); }

  const IndexKind& kind() const { return *find_index_kind(spec_.kind).value(); }
  void settle() { story_.expect(kind().settle(*index_, Stop{}).ok(), "settle"); }

  void add(Row count) {
    std::vector<Row> rows;
    for (; count > 0 && next_ < kRowsMax; --count) rows.push_back(next_++);
    if (rows.empty()) return;
    story_.under_way.insert(rows.begin(), rows.end());
    const VectorBlock block{reinterpret_cast<const std::byte*>(story_.vector(rows[0])), ScalarType::kF32,
                            kDim, rows.size()};
    const auto added = labeled() ? kind().add_labeled(*index_, rows, block,
                                                      std::span(story_.labels).subspan(rows[0], rows.size()))
                                 : index_->add(rows, block);
    story_.expect(added.ok(), added.ok() ? "" : added.error().message);
    for (const Row row : rows) {
      story_.live[row] = true;
      story_.under_way.erase(row);
    }
  }

  std::vector<Row> live_rows() const {
    std::vector<Row> there;
    for (const auto& [row, live] : story_.live)
      if (live) there.push_back(row);
    return there;
  }

  /// Some rows come in place of others, most of them with the same vectors.
  void replace(Row count) {
    std::vector<Row> there = live_rows(), rows, replaced;
    for (; count > 0 && next_ < kRowsMax && !there.empty(); --count) {
      const size_t chosen = random_.below(there.size());
      replaced.push_back(there[chosen]);
      there.erase(there.begin() + static_cast<ptrdiff_t>(chosen));
      rows.push_back(next_++);
      if (random_.below(4) != 0)
        std::copy_n(story_.vector(replaced.back()), kDim, &story_.vectors[rows.back() * kDim]);
    }
    if (rows.empty()) return;
    story_.under_way.insert(rows.begin(), rows.end());
    story_.under_way.insert(replaced.begin(), replaced.end());
    const VectorBlock block{reinterpret_cast<const std::byte*>(story_.vector(rows[0])), ScalarType::kF32,
                            kDim, rows.size()};
    const auto renamed = kind().add_replacing(*index_, rows, block, replaced);
    story_.expect(renamed.ok(), renamed.ok() ? "" : renamed.error().message);
    kind().rename(*index_, *renamed);
    for (size_t i = 0; i < rows.size(); ++i) {
      story_.expect(index_->remove(replaced[i]).ok(), "remove");
      story_.live[replaced[i]] = false;
      story_.live[rows[i]] = true;
      story_.under_way.erase(replaced[i]);
      story_.under_way.erase(rows[i]);
    }
  }

  void remove_one() {
    const std::vector<Row> there = live_rows();
    if (there.size() < 3) return;
    const Row row = there[random_.below(there.size())];
    story_.under_way.insert(row);
    story_.expect(index_->remove(row).ok(), "remove");
    story_.live[row] = false;
    story_.under_way.erase(row);
  }

  void write() {
    for (int step = 0; step < 60; ++step) {
      const uint64_t what = random_.below(20);
      if (what < 7) {
        add(static_cast<Row>(1 + random_.below(3)));
      } else if (what < 10 && story_.labels.empty()) {
        replace(static_cast<Row>(1 + random_.below(3)));
      } else if (what < 19) {
        remove_one();
      } else {
        settle();
      }
    }
  }

  void read(uint64_t seed) {
    Random random(seed);
    while (!done_) {
      const float query[kDim] = {static_cast<float>(random.below(9)), static_cast<float>(random.below(9))};
      search(query, random.below(2) == 0);
      if (labeled()) search(query, random.below(2) == 0, 1 + static_cast<Label>(random.below(kLabels)));
    }
  }

  void search(const float* query, bool scans, Label label = kNoLabel) {
    const std::map<Row, bool> before = story_.live;
    const LabelQuery labels{LabelMatch::kAny, {label}};
    SearchRequest request;
    request.query = {reinterpret_cast<const std::byte*>(query), ScalarType::kF32, kDim};
    request.k = 4;
    request.effort = 6;
    if (label != kNoLabel) {
      request.labels = &labels;
      request.plan = FilterPlan::kLabels;
    }
    if (scans) request.plan = FilterPlan::kScan;
    const auto answer = index_->search(request);
    if (!answer) return story_.expect(false, answer.error().message);
    std::set<Row> seen;
    float last = -1;
    for (const Neighbor& neighbor : answer->neighbors) {
      const auto was = before.find(neighbor.row);
      const std::string row = "row " + std::to_string(neighbor.row);
      story_.expect(was == before.end() || was->second, row + " had been removed");
      story_.expect(seen.insert(neighbor.row).second, row + " came twice");
      story_.expect(neighbor.row < kRowsMax &&
                        std::abs(neighbor.distance - distance(query, story_.vector(neighbor.row))) < 1e-3f,
                    row + " came with another's distance");
      story_.expect(neighbor.distance >= last, "not nearest first");
      last = neighbor.distance;
      story_.expect(label == kNoLabel || story_.carries(neighbor.row, label), row + " lacks the label");
    }
    // What was there all the time and is nearer than the last that came must have come, of a scan.
    size_t there = 0;
    for (const auto& [row, live] : before) {
      const auto now = story_.live.find(row);
      if (!live || !now->second || story_.under_way.contains(row)) continue;
      if (label != kNoLabel && !story_.carries(row, label)) continue;
      ++there;
      if (!scans || seen.contains(row)) continue;
      story_.expect(
          answer->neighbors.size() == request.k && distance(query, story_.vector(row)) >= last - 1e-3f,
          "a scan missed row " + std::to_string(row));
    }
    story_.expect(answer->neighbors.size() >= std::min<size_t>(request.k, there), "a search came back short");
  }

  /// Each label's start leads to all nodes with it, and its rows are counted.
  void labels_ok(const Index& index, const char* where, bool counts) {
    const GraphStore& graph = dynamic_cast<const GraphIndex&>(index).graph();
    for (Label label = 1; label <= kLabels && labeled(); ++label) {
      const std::string what = std::string(where) + ": label " + std::to_string(label);
      uint64_t live = 0;
      for (const auto& [row, there] : story_.live) live += there && story_.carries(row, label);
      story_.expect(!counts || graph.labels()->rows(label) == live, what + " counts other rows");
      const NodeBits reached = graph.reachable_by(label, graph.grown());
      for (Node node = 0; node < graph.grown() && graph.has_label_trees(); ++node)
        story_.expect(!graph.linked(node) || !graph.base().has_any(node) || reached.has(node) ||
                          !graph.labels()->has(graph.labels()->walk_set(node), label) ||
                          graph.labels()->loose(label) > 0,
                      what + " does not reach node " + std::to_string(node));
    }
  }

  void save() {
    while (!done_) {
      const std::map<Row, bool> before = story_.live;
      MemoryFileSystem fs;
      CheckpointDirectory directory(fs);
      const auto written = directory.write(*index_);
      if (!written) return story_.expect(false, "checkpoint: " + written.error().message);
      const std::map<Row, bool> after = story_.live;
      const std::set<Row> under_way = story_.under_way;
      const auto opened = kind().open(directory, {});
      if (!opened) return story_.expect(false, "open: " + opened.error().message);
      const auto& graph = dynamic_cast<const GraphIndex&>(**opened);
      const RowTable& rows = graph.rows();
      for (const auto& [row, live] : before) {
        const auto now = after.find(row);
        const Node node = rows.find(row);
        const bool there = node != kNoNode && !rows.removed(node);
        if (live && now->second && !under_way.contains(row))
          story_.expect(there, "a checkpoint lost row " + std::to_string(row));
        if (!live) story_.expect(!there, "a checkpoint brought back row " + std::to_string(row));
      }
      // What is above all that it holds is added again, what is below not.
      for (const auto& [row, live] : after)
        if (live && !under_way.contains(row) && row < rows.rows_end())
          story_.expect(rows.find(row) != kNoNode, "a checkpoint lost new row " + std::to_string(row));
      if (graph.graph().codes() != nullptr) codes_ok(graph, "saved");  // settled, they are others
      story_.expect(kind().settle(**opened, Stop{}).ok(), "settle what was opened");
      const auto audit = audit_graph(**opened);
      story_.expect(audit->unreachable == 0, "opened: rows out of reach");
      labels_ok(**opened, "opened", false);
      (void)exact(**opened, "opened");
    }
  }

  /// Each vector is where its row says.
  bool exact(const Index& index, const char* where) {
    const auto& graph = dynamic_cast<const GraphIndex&>(index);
    std::set<Row> rows;
    for (Node node = 0; node < graph.rows().size(); ++node) {
      if (graph.rows().removed(node)) continue;
      const Row row = graph.rows().row(node);
      story_.expect(rows.insert(row).second,
                    std::string(where) + ": two nodes of row " + std::to_string(row));
      story_.expect(graph.rows().find(row) == node, std::string(where) + ": row not found");
      const auto* vector = reinterpret_cast<const float*>(graph.graph().vectors()[node]);
      story_.expect(distance(vector, story_.vector(row)) == 0,
                    std::string(where) + ": a vector of another row");
    }
    if (graph.graph().codes() != nullptr) codes_ok(graph, where);
    return rows.size() == graph.stats().rows;
  }

  /// Each code is that of the vector, and there is no store besides.
  void codes_ok(const GraphIndex& index, const char* where) {
    const GraphStore& graph = index.graph();
    story_.expect(graph.all_codes().stores() == 1, std::string(where) + ": several stores of codes");
    const VectorCode& code = graph.codes()->code();
    std::vector<std::byte> expected(code.bytes());
    for (Node node = 0; node < index.rows().size(); ++node) {
      if (!graph.linked(node) || graph.left(node)) continue;
      code.encode(reinterpret_cast<const float*>(graph.vectors()[node]), expected.data());
      story_.expect(std::memcmp(expected.data(), graph.codes()->extents().at(node), expected.size()) == 0,
                    std::string(where) + ": a code of another vector");
    }
  }

  void index_ok(const Index& index, const char* where) {
    uint64_t live = 0;
    for (const auto& [row, there] : story_.live) live += there;
    story_.expect(index.stats().rows == live, std::string(where) + ": rows are missing");
    story_.expect(exact(index, where), std::string(where) + ": nodes and rows differ");
    const auto audit = audit_graph(index);
    story_.expect(audit->unreachable == 0, std::string(where) + ": rows out of reach");
    story_.expect(audit->pending == 0, std::string(where) + ": rows that wait");
    labels_ok(index, where, true);
    for (const auto& [row, there] : story_.live)
      if (there) search(story_.vector(row), true);
  }

  const uint64_t seed_;
  Random random_;
  IndexSpec spec_;
  Story story_;
  Row next_ = 0;
  bool done_ = false;
  std::unique_ptr<Index> index_;
};

TEST(GraphSchedules, HoldWhateverTheOrder) {
  const uint64_t first = from_environment("KITH_SEED", 1);
  const uint64_t count = from_environment("KITH_SCHEDULES", 400);
  for (uint64_t seed = first; seed < first + count; ++seed) {
    const std::vector<std::string> wrong = GraphSchedule(seed).run();
    ASSERT_TRUE(wrong.empty()) << "KITH_SEED=" << seed << " KITH_SCHEDULES=1: " << wrong.front()
                               << " (one of " << wrong.size() << ")";
  }
}

}  // namespace
}  // namespace kith::test
