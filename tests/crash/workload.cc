#include "tests/crash/workload.h"

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <mutex>
#include <thread>

#include "base/io/memory_file_system.h"
#include "base/io/recording_file_system.h"
#include "query/filter/number.h"

namespace kith::crash {
namespace {

constexpr size_t kCollectionsMax = 3;

/// Several writers on one database, and the history that they share.
class Run {
 public:
  Run(Database& db, const Plan& plan, const std::function<size_t()>& position, History& history)
      : db_(db), plan_(plan), position_(position), history_(history) {
    for (size_t i = 0; i < history_.lives.size(); ++i)
      if (auto there = db.collection(history_.lives[i].name); there.ok()) open_.push_back({i, *there});
  }

  std::string run() {
    Random random(plan_.seed);
    if (open_.empty()) create(random);
    std::vector<std::thread> others;
    for (int writer = 1; writer < plan_.writers; ++writer)
      others.emplace_back(
          [this, writer] { write(Random(plan_.seed + static_cast<uint64_t>(writer)), false); });
    write(random, true);
    for (std::thread& other : others) other.join();
    return problem_;
  }

 private:
  void write(Random random, bool administers) {
    for (uint64_t i = 0; i < plan_.batches; ++i) {
      const uint64_t what = random.below(100);
      if (administers && what < 3) create(random);
      if (administers && what >= 3 && what < 5) drop(random);
      if (administers && what >= 5 && what < 9) checkpoint(random);
      add_batch(random);
    }
  }

  template <typename Call>
  auto locked(Call call) {
    std::lock_guard lock(mutex_);
    return call();
  }
  void fail(const char* what, const Error& error) {
    if (plan_.devices_fail) return;
    std::lock_guard lock(mutex_);
    if (problem_.empty()) problem_ = fmt::format("{} failed: {}", what, error.message);
  }

  void create(Random& random) {
    if (open_.size() >= kCollectionsMax) return;
    Life life;
    life.seed = random.next();
    life.name = fmt::format("c{}", random.below(4));
    for (const Open& each : open_)
      if (history_.lives[each.life].name == life.name) return;
    life.create_begun = position_();
    const auto made = db_.create_collection(life.name, make_schema(life.seed));
    if (!made.ok()) fail("create", made.error());
    if (made.ok()) life.created = position_();
    locked([&] {
      if (made.ok()) open_.push_back({history_.lives.size(), *made});
      history_.lives.push_back(std::move(life));
    });
  }

  void drop(Random& random) {
    if (open_.size() < 2) return;
    const auto at = open_.begin() + static_cast<std::ptrdiff_t>(random.below(open_.size()));
    const size_t index = at->life;
    const std::string name = locked([&] {
      history_.lives[index].drop_begun = position_();
      open_.erase(at);
      return history_.lives[index].name;
    });
    const auto dropped = db_.drop_collection(name);
    if (!dropped.ok()) return fail("drop", dropped.error());
    locked([&] { history_.lives[index].dropped = position_(); });
  }

  void checkpoint(Random& random) {
    if (open_.empty()) return;
    if (auto done = pick(random).collection->checkpoint(); !done.ok()) fail("checkpoint", done.error());
  }

  void add_batch(Random& random) {
    if (locked([&] { return open_.empty(); })) return;
    const Open at = pick(random);
    const std::shared_ptr<Collection>& collection = at.collection;
    const uint64_t seed = random.next();
    const BatchContent content = make_batch(seed, collection->schema());
    Batch batch{seed, content.durability, position_()};
    if (random.below(12) == 0) batch.where = recent_batch(at.life, random);
    // What reads first may fail at that; then a later write may be there in its place.
    if (plan_.devices_fail && (batch.where != 0 || !content.updates.empty())) return;
    const auto done = write(*collection, content, batch.where);
    if (!done.ok() && done.error().code == Code::kNotFound) return;  // dropped meanwhile
    if (!done.ok()) fail("write", done.error());
    if (done.ok() && batch.where != 0 && done->removed == 0) return;  // then nothing was written
    if (done.ok()) batch.acknowledged = position_();
    locked([&] {
      auto& batches = history_.lives[at.life].batches;
      if (done.ok())
        batches[done->sequence] = batch;
      else  // it may be there when the directory is opened anew; those after it found the store read-only
        batches.emplace(answered(batches) + 1, batch);
    });
  }

  static Result<WriteReceipt> write(Collection& collection, const BatchContent& content, uint64_t where) {
    if (where != 0) {
      const Filter filter{OneOf{{{"batch"}}, {normal_number(FilterNumber(where))}}};
      return collection.remove(filter, content.durability, {});
    }
    if (!content.removes.empty()) return collection.remove(content.removes, content.durability);
    if (!content.updates.empty()) return collection.update(content.updates, content.durability);
    return collection.upsert(content.upserts, content.durability);
  }

  /// The seed of one of the last that were answered; 0 when there is none.
  uint64_t recent_batch(size_t life, Random& random) {
    constexpr uint64_t kRecent = 8;
    return locked([&]() -> uint64_t {
      std::vector<uint64_t> seeds;
      const auto& batches = history_.lives[life].batches;
      for (auto each = batches.rbegin(); each != batches.rend() && seeds.size() < kRecent; ++each)
        if (each->second.acknowledged != kNever && each->second.where == 0)
          seeds.push_back(each->second.seed);
      return seeds.empty() ? 0 : seeds[random.below(seeds.size())];
    });
  }

  static uint64_t answered(const std::map<uint64_t, Batch>& batches) {
    if (batches.empty()) return 0;
    const auto& [sequence, batch] = *batches.rbegin();
    return batch.acknowledged == kNever ? sequence - 1 : sequence;
  }

  struct Open {
    size_t life;  // in history_
    std::shared_ptr<Collection> collection;
  };
  Open pick(Random& random) {
    return locked([&] { return open_[random.below(open_.size())]; });
  }

  Database& db_;
  const Plan& plan_;
  const std::function<size_t()>& position_;
  std::mutex mutex_;  // guards all below
  History& history_;
  std::vector<Open> open_;  // changed by the administering writer alone
  std::string problem_;
};

std::string check_survivors(Database& db, const History& history, const Verdict& verdict, bool thoroughly,
                            uint64_t seed) {
  for (const auto& [index, sequence] : verdict.survivors) {
    const Life& life = history.lives[index];
    if (thoroughly) {
      const auto report = db.verify(life.name, {});
      if (!report.ok()) return fmt::format("verify '{}': {}", life.name, report.error().message);
      if (!report->problems.empty())
        return fmt::format("verify '{}': {}", life.name, report->problems.front());
    }
    const auto collection = db.collection(life.name);
    if (std::string wrong = check_answers(**collection, *life.states[sequence], seed, !thoroughly);
        !wrong.empty())
      return fmt::format("'{}': {}", life.name, wrong);
  }
  return {};
}

}  // namespace

uint64_t from_environment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

DatabaseOptions crash_options(FileSystem& fs, uint64_t seed) {
  DatabaseOptions options;
  options.fs = &fs;
  options.memtable_bytes = 128u << 10;
  options.index_threads = 1;
  options.async_window = std::chrono::milliseconds(seed % 2 == 0 ? 3'600'000 : 2);
  options.checkpoints.bytes = UINT64_MAX;
  options.checkpoints.age = std::chrono::hours(24);
  options.checkpoints.points_min = 0;
  options.checkpoints.at_close = seed % 3 == 0;
  return options;
}

std::string run_plan(Database& db, const Plan& plan, const std::function<size_t()>& position,
                     History& history) {
  return Run(db, plan, position, history).run();
}

Recording record(const DiskImage& image, const History& history, const Moment& moment, const Plan& plan,
                 bool syncs_lie) {
  Recording recording{image, {}, 0, {}, {}};
  MemoryFileSystem memory;
  RecordingFileSystem fs(memory);
  fs.set_syncs_lie(syncs_lie);
  if (auto written = write_image(memory, image); !written.ok()) {
    recording.problem = written.error().message;
    return recording;
  }
  auto opened = Database::open(kDirectory, crash_options(fs, plan.seed));
  if (!opened.ok()) {
    recording.problem = fmt::format("FAILED OPEN: {}", opened.error().message);
    return recording;
  }
  const Verdict verdict = history.check(**opened, moment);
  recording.problem = verdict.problem;
  if (recording.problem.empty()) {
    recording.history = history.after(verdict.survivors);
    recording.problem = run_plan(
        **opened, plan, [&fs] { return fs.position(); }, recording.history);
  }
  recording.ran = fs.position();
  opened->reset();
  recording.history.finish();
  recording.ops = fs.ops();
  return recording;
}

std::string check_image(const DiskImage& image, const History& history, const Moment& moment, bool thoroughly,
                        uint64_t seed) {
  MemoryFileSystem fs;
  if (auto written = write_image(fs, image); !written.ok()) return written.error().message;
  auto opened = Database::open(kDirectory, crash_options(fs, seed));
  if (!opened.ok()) return fmt::format("FAILED OPEN: {}", opened.error().message);
  const Verdict verdict = history.check(**opened, moment);
  if (!verdict.problem.empty()) return verdict.problem;
  return check_survivors(**opened, history, verdict, thoroughly, seed);
}

std::string keep_image(const DiskImage& image, const std::string& name) {
  const std::string directory = std::filesystem::temp_directory_path().string() + "/" + name;
  std::filesystem::remove_all(directory);
  DiskImage placed;
  placed.files = image.files;
  placed.names[directory + "/image"] = DiskImage::kDirectory;
  for (const auto& [path, id] : image.names) placed.names[directory + "/image" + path] = id;
  if (auto written = write_image(posix_file_system(), placed); !written.ok()) return written.error().message;
  return directory;
}

}  // namespace kith::crash
