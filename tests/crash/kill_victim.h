// The process that kill_test.cc kills: opens the directory, compares it with the model, writes with several
// threads while checkpoints run all the time, closes, and begins again. It is forked from a process with one
// thread that never opened a directory itself, which costs a fiftieth of starting the test program anew; it
// gets the model as its parent knows it.
#pragma once

#include <thread>

#include "tests/crash/kill_workload.h"

namespace kith::crash {

enum class Phase : uint32_t { kStarting, kOpening, kChecking, kLoading, kClosing };
inline constexpr size_t kPhases = 5;

/// What outlives the victims. Counts of one directory, then of all.
struct KillProgress {
  std::atomic<uint64_t> acknowledged[kWriters];  // operations
  std::atomic<uint64_t> sequence;                // the highest of a receipt
  std::atomic<uint64_t> ddl_steps;               // acknowledged

  std::atomic<Phase> phase;
  std::atomic<uint64_t> checkpointing;  // threads that are at it
  std::atomic<uint64_t> checks;
  std::atomic<uint64_t> unheard;  // operations found whole that nobody had acknowledged
  std::atomic<uint64_t> operations;
  std::atomic<uint64_t> checkpoints;
  std::atomic<uint64_t> searches;
  std::atomic<uint64_t> kills[kPhases];
  std::atomic<uint64_t> kills_checkpointing;
};

class Victim {
 public:
  Victim(std::string directory, uint64_t seed, uint64_t round, KillProgress& progress,
         const std::array<Model, kWriters>& models)
      : directory_(std::move(directory)),
        seed_(seed),
        random_(mix64(seed ^ mix64(round))),
        progress_(progress),
        models_(models) {}

  /// Until it is killed, or once around, without writing. Returns early when a check failed.
  void run(bool check_only) {
    do {
      progress_.phase = Phase::kOpening;
      open();
      progress_.phase = Phase::kChecking;
      check();
      if (testing::Test::HasFailure()) return;
      ++progress_.checks;
      if (!check_only) {
        progress_.phase = Phase::kLoading;
        load(std::chrono::microseconds(random_.below(10'000)));
        heard_all_ = true;
      }
      progress_.phase = Phase::kClosing;
      x_.reset();
      db_.reset();
    } while (!check_only && !testing::Test::HasFailure());
  }

 private:
  void open() {
    DatabaseOptions options;
    options.checkpoints = {1, std::chrono::milliseconds(1), 0, true};
    options.memtable_bytes = 128u << 10;
    options.async_window = std::chrono::milliseconds(5);
    db_ = testing_support::open_at(directory_, options);
    if (db_->collection_names().empty() && progress_.sequence == 0)
      (void)testing_support::must(db_->create_collection("x", kill_schema()));
    x_ = testing_support::must(db_->collection("x"));
    ASSERT_EQ(log_errors(), 0u) << "a kill damages nothing: no open finds fault with a checkpoint";
  }

  void check() {
    const auto stored = testing_support::content_of(*x_, 1'000);
    uint64_t owned = 0;
    for (int writer = 0; writer < kWriters; ++writer) {
      const auto share = share_of(stored, writer);
      owned += share.size();
      check_writer(share, writer);
      if (testing::Test::HasFatalFailure()) return;
    }
    ASSERT_EQ(stored.size(), owned);
    ASSERT_EQ(testing_support::must(x_->count()), stored.size());
    const uint64_t sequence = x_->info().sequence;
    ASSERT_GE(sequence, progress_.sequence) << "acknowledged";
    ASSERT_LE(sequence, progress_.sequence + (heard_all_ ? 0 : kWriters));
    progress_.sequence = sequence;
    check_ddl();
    if (testing::Test::HasFatalFailure()) return;
    const auto report = testing_support::must(db_->verify("x", {}));
    ASSERT_TRUE(report.problems.empty()) << report.problems.front();
    check_search(stored);
  }

  /// What a writer's rows must be: the model after what was acknowledged, or one more that nobody heard of.
  void check_writer(const std::map<Id, testing_support::Content>& share, int writer) {
    Model& model = models_[static_cast<size_t>(writer)];
    const uint64_t acknowledged = progress_.acknowledged[writer];
    model.apply_until(seed_, writer, acknowledged);
    if (share != model.content() && !heard_all_) {
      model.apply_until(seed_, writer, acknowledged + 1);
      ++progress_.unheard;
    }
    ASSERT_EQ(share.size(), model.content().size()) << "writer " << writer << " after " << acknowledged;
    for (const auto& [id, content] : model.content()) {
      const auto found = share.find(id);
      ASSERT_TRUE(found != share.end()) << to_string(id) << " is lost, after " << acknowledged;
      ASSERT_TRUE(found->second == content) << to_string(id) << " is another, after " << acknowledged;
    }
    progress_.acknowledged[writer] = model.applied();
  }

  void check_ddl() {
    for (uint64_t steps = progress_.ddl_steps; steps <= progress_.ddl_steps + (heard_all_ ? 0 : 1); ++steps) {
      const DdlState state(steps);
      std::vector<std::string> names = {"x"};
      if (state.step > 0) names.insert(names.begin(), state.name);
      if (db_->collection_names() != names) continue;
      if (state.step > 0) {
        const auto temporary = testing_support::must(db_->collection(state.name));
        if (testing_support::must(temporary->count()) != state.points()) continue;
        const auto report = testing_support::must(db_->verify(state.name, {}));
        ASSERT_TRUE(report.problems.empty()) << report.problems.front();
      }
      progress_.ddl_steps = steps;
      return;
    }
    FAIL() << "collections are " << testing::PrintToString(db_->collection_names()) << " after step "
           << progress_.ddl_steps;
  }

  /// The index answers what a scan of the stored vectors answers.
  void check_search(const std::map<Id, testing_support::Content>& stored) {
    for (const auto& [id, content] : stored) {
      if (content.vectors.empty() || random_.below(20) != 0) continue;
      Query q;
      q.field = content.vectors.begin()->first;
      q.vector = content.vectors.begin()->second;
      q.k = 5;
      q.effort = 400;
      const auto answer = testing_support::must(x_->search(q));
      q.exact = true;
      ASSERT_EQ(testing_support::ids_of(answer),
                testing_support::ids_of(testing_support::must(x_->search(q))));
      ASSERT_EQ(answer.hits.at(0).id, id);
      ++progress_.searches;
    }
  }

  void load(std::chrono::microseconds how_long) {
    std::vector<std::jthread> threads;
    for (int writer = 0; writer < kWriters; ++writer)
      threads.emplace_back([this, writer](const std::stop_token& stop) { write(writer, stop); });
    threads.emplace_back([this](const std::stop_token& stop) { create_and_drop(stop); });
    threads.emplace_back([this](const std::stop_token& stop) { take_checkpoints(stop); });
    std::this_thread::sleep_for(how_long);
  }

  void write(int writer, const std::stop_token& stop) {
    for (uint64_t number = progress_.acknowledged[writer]; !stop.stop_requested(); ++number) {
      const Operation next = operation(seed_, writer, number);
      const auto done = perform(*x_, next);
      ASSERT_TRUE(done.ok()) << done.error().message;
      uint64_t highest = progress_.sequence;
      while (highest < done->sequence && !progress_.sequence.compare_exchange_weak(highest, done->sequence)) {
      }
      progress_.acknowledged[writer] = number + 1;
      ++progress_.operations;
    }
  }

  void create_and_drop(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const DdlState now(progress_.ddl_steps);
      const DdlState next(progress_.ddl_steps + 1);
      if (now.step == 0) {
        (void)testing_support::must(db_->create_collection(now.name, kill_schema()));
      } else if (now.step == 1) {
        std::vector<Point> points;
        for (uint64_t id = 0; id < next.points(); ++id)
          points.push_back({id, {random_vector("v", kDim, ddl_random_)}, ""});
        (void)testing_support::must(
            testing_support::must(db_->collection(now.name))->upsert(points, Durability::kSync));
      } else {
        testing_support::must(db_->drop_collection(now.name));
      }
      ++progress_.ddl_steps;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }

  void take_checkpoints(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      ++progress_.checkpointing;
      (void)testing_support::must(x_->checkpoint());
      --progress_.checkpointing;
      ++progress_.checkpoints;
    }
  }

  const std::string directory_;
  const uint64_t seed_;
  Random random_;
  Random ddl_random_{1};
  KillProgress& progress_;
  std::array<Model, kWriters> models_;
  bool heard_all_ = false;  // of what is in the directory: nobody was killed before this open
  std::unique_ptr<Database> db_;
  std::shared_ptr<Collection> x_;
};

}  // namespace kith::crash
