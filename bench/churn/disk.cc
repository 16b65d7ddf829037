#include "bench/churn/disk.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "bench/harness/directory.h"
#include "bench/harness/scratch.h"
#include "query/database.h"

namespace kith::bench {
namespace {

constexpr std::string_view kCollection = "churn";

class DiskRun {
 public:
  DiskRun(const BenchSet& set, const DiskOptions& options, const Scratch& scratch)
      : set_(set), options_(options), directory_(scratch.file("database")) {}

  Result<void> open() {
    database_ = TRY(Database::open(directory_, {}));
    Schema schema;
    VectorField& field = schema.vectors.emplace_back();
    field.dim = set_.base.dim;
    field.metric = set_.metric;
    field.index = options_.kind;
    field.options = options_.index;
    collection_ = TRY(database_->create_collection(std::string(kCollection), schema));
    return {};
  }

  /// Numbers of rows of the set, which are the points' ids.
  Result<void> come(std::span<const uint32_t> numbers) {
    for (; !numbers.empty(); numbers = numbers.subspan(std::min(options_.batch, numbers.size()))) {
      std::vector<Point> points;
      for (const uint32_t number : numbers.first(std::min(options_.batch, numbers.size()))) {
        const VectorView row = set_.base[number];
        Point& point = points.emplace_back();
        point.id = uint64_t{number};
        point.vectors.push_back({"", {row.data, row.data + row.bytes()}});
      }
      TRY(collection_->upsert(points, Durability::kAsync));
    }
    return {};
  }

  Result<void> leave(std::span<const uint32_t> numbers) {
    std::vector<Id> ids(numbers.size());
    for (size_t i = 0; i < ids.size(); ++i) ids[i] = uint64_t{numbers[i]};
    TRY(collection_->remove(ids, Durability::kAsync));
    return {};
  }

  /// Once all are linked and a checkpoint is taken.
  Result<DirectoryBytes> bytes() {
    TRY(collection_->settle({}));
    TRY(collection_->checkpoint());
    return directory_bytes(directory_);
  }

  Result<void> compact() {
    TRY(database_->compact(std::string(kCollection), {}));
    return {};
  }

 private:
  const BenchSet& set_;
  const DiskOptions& options_;
  const std::string directory_;
  std::unique_ptr<Database> database_;
  std::shared_ptr<Collection> collection_;
};

std::string in_words(const DirectoryBytes& bytes) {
  return fmt::format("{} MB: store {}, blobs {}, checkpoints {}", bytes.total() >> 20, bytes.store >> 20,
                     bytes.blobs >> 20, bytes.checkpoints >> 20);
}

}  // namespace

Result<void> run_disk(const Runbook& runbook, const BenchSet& set, const DiskOptions& options,
                      Report& report) {
  const Schedule schedule = TRY(schedule_of(runbook, set.base.block()));
  const std::string parent = options.directory.empty() ? TRY(program_directory()) : options.directory;
  const std::unique_ptr<Scratch> scratch = TRY(Scratch::create(parent));
  DiskRun run(set, options, *scratch);
  TRY(run.open());
  TRY(run.come(schedule.first));
  TRY(run.compact());
  const DirectoryBytes before = TRY(run.bytes());
  const auto growth = [&](const DirectoryBytes& bytes) {
    return static_cast<double>(bytes.total()) / static_cast<double>(before.total());
  };
  double most = 0, last = 0;
  for (const Cycle& cycle : schedule.cycles) {
    TRY(run.leave(cycle.leave));
    TRY(run.come(cycle.come));
    const DirectoryBytes now = TRY(run.bytes());
    last = growth(now);
    most = std::max(most, last);
    std::fprintf(stderr, "disk: %.3f, %s\n", last, in_words(now).c_str());
  }
  TRY(run.compact());
  const DirectoryBytes compacted = TRY(run.bytes());
  TRY(report.add({options.prefix + "growth", most, "ratio", {}}));
  TRY(report.add({options.prefix + "growth_last", last, "ratio", {}}));
  TRY(report.add({options.prefix + "growth_compacted", growth(compacted), "ratio", {}}));
  report.note(fmt::format("{}: {} on a collection, {} cycles; before {}; compacted {}", options.prefix,
                          runbook.name, schedule.cycles.size(), in_words(before), in_words(compacted)));
  return {};
}

}  // namespace kith::bench
