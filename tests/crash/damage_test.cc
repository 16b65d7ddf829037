// Goal: whatever a disk does to bytes that it had kept well, in whatever file, every answer is right or a
// typed error: nothing is silently wrong and nothing crashes. Method: directories of a few collections,
// closed or killed, get one fault each (base/io/damage.h; stale blocks come from an earlier moment of the
// same file or from another file); then all is read, searched and verified, and compared with the model.
//
// One thing cannot be told from a crash: a fault at the end of the log of a directory that was not closed, in
// what no later intact record vouches for (storage/kv/rocksdb_marks.h). There the answer must be that of a
// crash: everything before, in order. The test works out itself, from the file operations, where that is.
//
//   KITH_CRASH_SEED=n  other faults   KITH_CRASH_POINTS=n  so many   KITH_CRASH_SECONDS=n  for so long
#include "base/io/damage.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <random>
#include <thread>

#include "base/io/memory_file_system.h"
#include "storage/checkpoint/checkpoint_directory.h"
#include "tests/crash/job_counts.h"
#include "tests/crash/log_story.h"
#include "tests/crash/workload.h"

namespace kith {
namespace {

using namespace crash;

enum Kind { kLog, kTable, kBlob, kManifest, kCurrent, kOther, kCheckpointFile, kCheckpointManifest };
constexpr const char* kKindNames[] = {"log",
                                      "table",
                                      "blob",
                                      "MANIFEST",
                                      "CURRENT",
                                      "OPTIONS or such",
                                      "checkpoint file",
                                      "checkpoint MANIFEST"};
constexpr size_t kKinds = std::size(kKindNames);

Kind kind_of(const std::string& path) {
  const std::string name = path.substr(path.rfind('/') + 1);
  if (path.find("/checkpoints/") != std::string::npos)
    return name == "MANIFEST" ? kCheckpointManifest : kCheckpointFile;
  if (name.ends_with(".log")) return kLog;
  if (name.ends_with(".sst")) return kTable;
  if (name.ends_with(".blob")) return kBlob;
  if (name.starts_with("MANIFEST")) return kManifest;
  return name == "CURRENT" ? kCurrent : kOther;
}

/// How a fault ended.
enum Outcome { kHarmless, kRefusedOpen, kRefusedPart, kFoundByVerify, kTakenForTorn, kWrong };
constexpr const char* kOutcomeNames[] = {"harmless",        "refused at open", "refused in part",
                                         "found by verify", "taken for torn",  "WRONG"};
constexpr size_t kOutcomes = std::size(kOutcomeNames);

struct Counts {
  std::atomic<uint64_t> faults{0};
  std::atomic<uint64_t> of[kKinds][kOutcomes] = {};
  std::atomic<uint64_t> wrong{0};
};

/// A directory at rest.
struct Subject {
  Recording recording;
  bool closed = false;
  size_t end = 0;  // so many of its operations were done
  DiskImage image;
  DiskImage earlier;
  std::vector<std::string> paths[kKinds];
};

/// What was found; `problem` says what is silently wrong.
struct Finding {
  Outcome outcome = kHarmless;
  std::string problem;
};

/// Reads everything that a database holds and compares it with what it must hold.
class Reader {
 public:
  Reader(const Database& db, const History& history, size_t position)
      : db_(db), history_(history), position_(position) {}

  Finding read() {
    std::map<std::string, const Life*> expected;
    for (const Life& life : history_.lives)
      if (life.created <= position_ && life.dropped > position_) expected[life.name] = &life;
    bool unnamed = false;
    for (const std::string& name : db_.collection_names()) {
      if (name.starts_with('#')) {
        unnamed = true;
        refuse(db_.collection(name));
      } else if (!expected.contains(name)) {
        wrong(fmt::format("collection '{}' is there", name));
      }
    }
    for (const auto& [name, life] : expected) read_collection(name, *life, unnamed);
    return finding_;
  }

 private:
  void wrong(const std::string& problem) {
    finding_ = {kWrong, finding_.problem.empty() ? problem : finding_.problem};
  }
  template <typename T>
  bool refuse(const Result<T>& result) {
    if (result.ok()) return false;
    if (result.error().code != Code::kCorruption && result.error().code != Code::kUnavailable)
      wrong(fmt::format("{}: {}", code_name(result.error().code), result.error().message));
    if (finding_.outcome == kHarmless) finding_.outcome = kRefusedPart;
    return true;
  }

  void read_collection(const std::string& name, const Life& life, bool unnamed) {
    const auto collection = db_.collection(name);
    if (!collection.ok() && collection.error().code == Code::kNotFound) {
      if (!unnamed) wrong(fmt::format("collection '{}' is not there", name));
      return;
    }
    if (refuse(collection)) return;
    const Life::State& state = *life.states.back();
    read_points(**collection, state);
    search(**collection, state);
    const auto report = db_.verify(name, {});
    if (!refuse(report) && !report->problems.empty() && finding_.outcome == kHarmless)
      finding_.outcome = kFoundByVerify;
  }

  void read_points(const Collection& collection, const Life::State& state) {
    const auto count = collection.count();
    if (!refuse(count) && *count != state.size()) wrong(fmt::format("{} points of {}", *count, state.size()));
    std::optional<Id> from;
    size_t found = 0;
    do {
      auto page = collection.scroll(from, 16, {.payload = true, .vectors = true});
      if (refuse(page)) break;  // the rest is read by id
      for (const Point& point : page->points) {
        ++found;
        check_point(point, state);
      }
      from = page->next;
      if (!from.has_value() && found != state.size())
        wrong(fmt::format("{} points listed of {}", found, state.size()));
    } while (from.has_value());
    for (const auto& [id, content] : state) {
      const auto got = collection.get(std::vector{id}, {.payload = true, .vectors = true});
      if (refuse(got)) continue;
      if (!got->front().has_value())
        wrong(fmt::format("point {} is not there", to_string(id)));
      else
        check_point(*got->front(), state);
    }
  }

  void check_point(const Point& point, const Life::State& state) {
    Content content{point.payload, {}};
    for (const FieldVector& vector : point.vectors) content.vectors[vector.field] = vector.data;
    const auto expected = state.find(point.id);
    if (expected == state.end() || *expected->second != content)
      wrong(fmt::format("point {} is not what was written", to_string(point.id)));
  }

  /// The nearest to each of some stored vectors is that vector's own point, and all answers are those of a
  /// scan.
  void search(const Collection& collection, const Life::State& state) {
    size_t asked = 0;
    for (const auto& [id, content] : state) {
      for (const auto& [field, vector] : content->vectors) {
        if (++asked > 6) return;
        Query query;
        query.field = field;
        query.vector = vector;
        query.k = 5;
        query.effort = 400;
        const auto answer = collection.search(query);
        query.exact = true;
        query.k = static_cast<uint32_t>(state.size());
        const auto exact = collection.search(query);
        const bool refused = refuse(answer) | static_cast<int>(refuse(exact));
        if (refused) continue;
        if (exact->hits.empty() || exact->hits.front().id != id || exact->hits.front().score != 0)
          wrong(fmt::format("an exact search for point {} does not find it", to_string(id)));
        if (!testing_support::same_nearest(*answer, *exact, 5))
          wrong(fmt::format("a search near point {} differs from a scan", to_string(id)));
      }
    }
  }

  const Database& db_;
  const History& history_;
  const size_t position_;
  Finding finding_;
};

Subject make_subject(Random& random) {
  Subject subject;
  subject.closed = random.below(2) == 0;
  // The first run leaves tables, blob files and checkpoints; the second a log beside them.
  const Plan first{random.next() / 6 * 6, 20 + random.below(30), 1};  // a checkpoint when it is closed
  const Recording before = record({}, {}, {}, first);
  CHECK(before.problem.empty());
  DiskModel disk;
  disk.restart(before.start);
  for (const FileOp& op : before.ops) disk.apply(op);
  const DiskImage image = disk.now();
  const Plan second{random.next() / 2 * 2, 5 + random.below(20), 1};  // nothing is synced by the clock
  subject.recording = record(image, before.history, {before.ops.size()}, second);
  CHECK(subject.recording.problem.empty());
  subject.end = subject.closed ? subject.recording.ops.size() : subject.recording.ran;
  const size_t earlier = random.below(subject.end);
  disk.restart(image);
  for (size_t i = 0; i < subject.end; ++i) {
    if (i == earlier) subject.earlier = disk.now();
    disk.apply(subject.recording.ops[i]);
  }
  subject.image = disk.now();
  for (const auto& [path, id] : subject.image.names)
    if (id != DiskImage::kDirectory && !subject.image.files.at(id).empty())
      subject.paths[kind_of(path)].push_back(path);
  return subject;
}

class Injector {
 public:
  Injector(Counts& counts, uint64_t seed) : counts_(counts), random_(mix64(seed)), seed_(seed) {}

  void run(uint64_t faults, const std::function<bool()>& enough) {
    const Subject subject = make_subject(random_);
    const LogStory story(subject.recording, subject.end);
    for (uint64_t i = 0; i < faults && !enough(); ++i) inject(subject, story, i);
  }

 private:
  void inject(const Subject& subject, const LogStory& story, uint64_t number) {
    const auto kind = static_cast<Kind>(random_.below(kKinds));
    if (subject.paths[kind].empty()) return;
    const std::string path = subject.paths[kind][random_.below(subject.paths[kind].size())];
    MemoryFileSystem fs;
    CHECK(write_image(fs, subject.image).ok());
    const auto damage = static_cast<Damage>(random_.below(kDamages));
    const auto what = damage_file(fs, path, damage, random_, older(subject, path));
    if (!what.ok()) return;  // it would change nothing
    std::vector<std::byte> bytes((*fs.open(path))->size());
    CHECK((*fs.open(path))->read(0, bytes).ok());
    const Finding finding = examine(subject, story, fs, path, bytes);
    ++counts_.faults;
    ++counts_.of[kind][finding.outcome];
    if (finding.outcome != kWrong || ++counts_.wrong > 10) return;
    ADD_FAILURE() << "seed " << seed_ << " fault " << number << (subject.closed ? ", closed" : ", killed")
                  << ": " << *what << ": " << finding.problem << "\nkept in "
                  << keep(subject, path, std::move(bytes), number);
  }

  /// The damaged directory, for whoever looks into it.
  std::string keep(const Subject& subject, const std::string& path, std::vector<std::byte> bytes,
                   uint64_t number) const {
    DiskImage image = subject.image;
    image.files.at(image.names.at(path)) = std::move(bytes);
    return keep_image(image, fmt::format("kith-damage-{}-{}", seed_, number));
  }

  std::vector<std::byte> older(const Subject& subject, const std::string& path) {
    const auto& all = random_.below(3) == 0 ? subject.image : subject.earlier;
    auto from = all.names.find(path);
    if (&all == &subject.image)
      from = std::next(all.names.begin(), static_cast<std::ptrdiff_t>(random_.below(all.names.size())));
    if (from == all.names.end() || from->second == DiskImage::kDirectory) return {};
    return all.files.at(from->second);
  }

  Finding examine(const Subject& subject, const LogStory& story, FileSystem& fs, const std::string& path,
                  const std::vector<std::byte>& bytes) {
    const History& history = subject.recording.history;
    const size_t position = subject.recording.ran;
    const auto [first, end] = changed_bytes(subject.image.files.at(subject.image.names.at(path)), bytes);
    const bool unsound = !verify_checkpoint(fs, path);
    const auto opened = Database::open(kDirectory, crash_options(fs, 2));
    if (!opened.ok()) {
      if (opened.error().code == Code::kCorruption) return {kRefusedOpen, {}};
      return {kWrong, fmt::format("{}: {}", code_name(opened.error().code), opened.error().message)};
    }
    Finding finding = Reader(**opened, history, position).read();
    if (unsound && finding.outcome == kHarmless) finding.outcome = kFoundByVerify;
    if (finding.outcome != kWrong || kind_of(path) != kLog) return finding;
    const LogStory::Word word = story.about(path, first, end);
    if (word.vouched) return finding;
    const Verdict verdict = history.check(**opened, {word.operation, true});
    if (!verdict.problem.empty()) return {kWrong, "not even a crash leaves this: " + verdict.problem};
    return {kTakenForTorn, {}};
  }

  /// Of the collection whose checkpoint `path` belongs to, if it does to one. An open does without it.
  static bool verify_checkpoint(FileSystem& fs, const std::string& path) {
    if (kind_of(path) != kCheckpointFile && kind_of(path) != kCheckpointManifest) return true;
    const std::string directory = path.substr(0, path.rfind('/'));
    const uint64_t number = std::strtoull(directory.c_str() + directory.rfind('/') + 1, nullptr, 10);
    CheckpointDirectory checkpoint(fs, directory, static_cast<CollectionNumber>(number));
    return checkpoint.open().ok() && checkpoint.verify().ok();
  }

  /// From the first to one past the last that differs.
  static std::pair<size_t, size_t> changed_bytes(const std::vector<std::byte>& before,
                                                 const std::vector<std::byte>& after) {
    const auto first = std::mismatch(after.begin(), after.end(), before.begin()).first - after.begin();
    size_t end = before.size();
    while (after.size() == before.size() && after[end - 1] == before[end - 1]) --end;
    return {static_cast<size_t>(first), end};
  }

  Counts& counts_;
  Random random_;
  const uint64_t seed_;
};

void print(const Counts& counts, uint64_t seed, double seconds) {
  std::printf("seed %llu: %llu faults injected, %llu silently wrong, %.0f s, %.0f/s\n",
              static_cast<unsigned long long>(seed), static_cast<unsigned long long>(counts.faults),
              static_cast<unsigned long long>(counts.wrong), seconds,
              static_cast<double>(counts.faults) / seconds);
  for (size_t kind = 0; kind < kKinds; ++kind) {
    std::printf("  %-20s", kKindNames[kind]);
    for (size_t outcome = 0; outcome < kOutcomes; ++outcome)
      std::printf("  %s %llu", kOutcomeNames[outcome],
                  static_cast<unsigned long long>(counts.of[kind][outcome]));
    std::printf("\n");
  }
}

TEST(Damage, NothingIsSilentlyWrong_slow) {
  set_log_options({LogLevel::kOff, false});
  ::mallopt(M_MMAP_THRESHOLD, 256 << 20);  // the same few MB come and go: they stay ours
  ::mallopt(M_TRIM_THRESHOLD, 512 << 20);
  const auto start = std::chrono::steady_clock::now();
  const auto elapsed = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  const uint64_t seed = from_environment("KITH_CRASH_SEED", std::random_device{}());
  const uint64_t seconds = from_environment("KITH_CRASH_SECONDS", 0);
  const uint64_t faults = seconds > 0 ? UINT64_MAX : from_environment("KITH_CRASH_POINTS", 50'000);
  Counts counts;
  const auto enough = [&] {
    return counts.faults >= faults || (seconds > 0 && elapsed() > static_cast<double>(seconds)) ||
           counts.wrong > 10;
  };
  std::atomic<uint64_t> next{seed};
  std::vector<std::thread> workers;
  for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency()); ++i)
    workers.emplace_back([&] {
      while (!enough()) Injector(counts, next++).run(400, enough);
    });
  for (std::thread& worker : workers) worker.join();
  print(counts, seed, elapsed());
  JobCounts found;
  found.points = counts.faults.load();
  found.silently_wrong = counts.wrong.load();
  found.record("damage");
  EXPECT_EQ(counts.wrong, 0u);
  for (size_t kind = 0; kind < kKinds; ++kind) {
    uint64_t noticed = 0;
    for (const size_t outcome : {kRefusedOpen, kRefusedPart, kFoundByVerify})
      noticed += counts.of[kind][outcome];
    EXPECT_TRUE(noticed > 0 || kind == kOther || counts.faults < 10'000)
        << kKindNames[kind] << ": no fault of it was ever noticed";
  }
}

}  // namespace
}  // namespace kith
