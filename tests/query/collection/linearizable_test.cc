// Goal: what concurrent clients see of each point is linearizable (promise P3): reads by id, by scroll and by
// search too, beside checkpoints and across restarts. Method: several threads upsert, update, remove (by id
// and by filter) and read few points, with unique payloads; the history of each point goes to the checker of
// tests/support/linearizability.h. The seed is printed.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <thread>

#include "base/random.h"
#include "tests/query/test_database.h"
#include "tests/support/linearizability.h"
#include "tests/support/seed.h"

namespace kith {
namespace {

using namespace testing_support;
using test::KeyOperation;
using Kind = KeyOperation::Kind;

constexpr uint64_t kPoints = 3;
constexpr size_t kThreads = 4;
#ifdef KITH_SANITIZED
constexpr uint64_t kOperations = 1'000;  // of a thread between two restarts
#else
constexpr uint64_t kOperations = 8'000;
#endif
constexpr int kRestarts = 6;

/// Where a point lies whatever its value: none of the others is nearer to it.
std::vector<float> place_of(uint64_t point) {
  return {static_cast<float>(point) * 100, 1};
}

/// The number in {"v":...}.
uint64_t value_in(const std::string& payload) {
  uint64_t value = 0;
  (void)std::from_chars(payload.data() + 5, payload.data() + payload.size(), value);
  return value;
}

class Linearizable : public testing::TestWithParam<const char*> {
 protected:
  void open() {
    x_.reset();
    db_.reset();
    DatabaseOptions options;
    options.checkpoints.points_min = 0;
    db_ = open_at(directory_.path(), options);
    if (db_->collection_names().empty())
      must(db_->create_collection("x", schema_of({field("v", 2, Metric::kL2, GetParam())})));
    x_ = must(db_->collection("x"));
  }

  uint64_t read(uint64_t point, Random& random) const {
    const Id id(point);
    const Fetch payload{.payload = true};
    switch (random.below(4)) {
      case 0: {
        Query q = query(place_of(point), 1);
        q.fetch = payload;
        const Answer answer = must(x_->search(q));
        return answer.hits.empty() || answer.hits[0].id != id ? 0 : value_in(answer.hits[0].payload);
      }
      case 1: {
        const ScrollPage page = must(x_->scroll(id, 1, payload));
        return page.points.empty() || page.points[0].id != id ? 0 : value_in(page.points[0].payload);
      }
      default: {
        const auto found = must(x_->get(std::vector{id}, payload));
        return found[0].has_value() ? value_in(found[0]->payload) : 0;
      }
    }
  }

  KeyOperation one(uint64_t at, Random& random) {
    KeyOperation out;
    out.kind = static_cast<Kind>(std::min<uint64_t>(random.below(5), 2));
    out.begin = ++moment_;
    if (out.kind == Kind::kRead) {
      out.value = read(at, random);
    } else if (out.kind == Kind::kErase) {
      const Filter same{HasId{{Id(at)}}};
      out.existed = (random.below(2) == 0 ? must(x_->remove(same, Durability::kAsync, {}))
                                          : must(x_->remove(std::vector{Id(at)}, Durability::kAsync)))
                        .removed == 1;
    } else if (random.below(2) == 0) {
      update(at, random, out);
    } else {
      out.value = out.begin;
      const auto written = must(x_->upsert(
          std::vector{point(at, place_of(at), fmt::format("{{\"v\":{}}}", out.value))}, Durability::kAsync));
      out.existed = written.replaced == 1;
    }
    out.end = ++moment_;
    return out;
  }

  /// That finds nothing it is a read.
  void update(uint64_t at, Random& random, KeyOperation& out) {
    Patch patch;
    patch.payload = fmt::format("{{\"v\":{}}}", out.begin);
    const Filter same{HasId{{Id(at)}}};
    const WriteReceipt done =
        random.below(2) == 0
            ? must(x_->update(same, patch, Durability::kAsync, {}))
            : must(x_->update(std::vector<PointUpdate>{{Id(at), patch}}, Durability::kAsync));
    if (done.updated == 0) {
      out.kind = Kind::kRead;
      return;
    }
    out.existed = true;
    out.value = out.begin;
  }

  using History = std::array<std::vector<KeyOperation>, kPoints>;

  void work(uint64_t seed, History& history) {
    Random random(seed);
    for (uint64_t i = 0; i < kOperations; ++i) {
      const uint64_t at = random.below(kPoints);
      history[at].push_back(one(at, random));
    }
  }

  TempDirectory directory_;
  std::unique_ptr<Database> db_;
  std::shared_ptr<Collection> x_;
  std::atomic<uint64_t> moment_{0};
};

TEST_P(Linearizable, ConcurrentHistoriesOfAPointBesideCheckpointsAndAcrossRestarts) {
  const uint64_t seed = test::test_seed();
  SCOPED_TRACE(fmt::format("KITH_SEED={}", seed));
  History whole;
  for (int round = 0; round < kRestarts; ++round) {
    open();
    std::array<History, kThreads> histories;
    {
      std::jthread checkpoints([this](const std::stop_token& stop) {
        while (!stop.stop_requested()) (void)must(x_->checkpoint());
      });
      std::vector<std::jthread> threads;
      for (size_t i = 0; i < kThreads; ++i)
        threads.emplace_back([&, i] { work(mix64(seed + round * kThreads + i), histories[i]); });
    }
    for (const History& each : histories)
      for (size_t at = 0; at < kPoints; ++at)
        whole[at].insert(whole[at].end(), each[at].begin(), each[at].end());
  }
  for (size_t at = 0; at < kPoints; ++at) {
    const auto wrong = test::find_violation(whole[at]);
    EXPECT_FALSE(wrong.has_value()) << "point " << at << ": " << *wrong;
    EXPECT_GT(std::ranges::count_if(
                  whole[at], [](const auto& each) { return each.kind == Kind::kRead && each.value != 0; }),
              100);
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, Linearizable, testing::Values("flat", "vamana"),
                         [](const auto& each) { return std::string(each.param); });

}  // namespace
}  // namespace kith
