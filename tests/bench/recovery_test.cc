// Goal: the recovery suite knows what a directory must hold, what lies on its disk, and gives its rival the
// very bytes that Kith writes. Method: batches applied one by one beside the formula; files made by hand; a
// directory that the rival wrote, opened as a Kith database.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "base/log.h"
#include "bench/harness/directory.h"
#include "bench/recovery/jobs.h"
#include "bench/recovery/recorder.h"
#include "bench/recovery/roles.h"
#include "bench/recovery/workload.h"
#include "tests/query/test_database.h"

namespace kith::bench {
namespace {

using testing_support::must;
using testing_support::TempDirectory;

TEST(RecoveryWorkload, KnowsWhatEachBatchLeaves) {
  const BenchSet set = must(load_bench_set("synthetic@2500", 1));  // the last batch of a pass is half of one
  const Workload workload(set);
  ASSERT_EQ(workload.batches_per_pass(), 3u);
  std::map<uint64_t, Point> held;
  for (uint64_t batches = 1; batches <= 11; ++batches) {
    for (Point& point : workload.batch(batches - 1)) held[std::get<uint64_t>(point.id)] = std::move(point);
    if (batches < workload.batches_per_pass()) continue;
    ASSERT_EQ(held.size(), 2500u);
    for (const auto& [id, point] : held) {
      const Point known = workload.point_after(batches, id);
      ASSERT_EQ(known.payload, point.payload) << id << " after " << batches;
      ASSERT_EQ(known.vectors[0].data, point.vectors[0].data) << id << " after " << batches;
    }
  }
  EXPECT_NE(workload.point_after(3, 7).vectors[0].data, workload.point_after(6, 7).vectors[0].data);
}

TEST(RecoveryRoles, NumbersGoThroughALine) {
  const Numbers numbers = {{"open_s", 0.125}, {"lost", 0}, {"extra", -3}};
  EXPECT_EQ(must(parse_numbers(to_line(numbers))), numbers);
  for (const char* line : {"open_s", "open_s=", "open_s=x", "open_s=1x", "error: no"})
    EXPECT_FALSE(parse_numbers(line).ok()) << line;
}

void write_file(const std::string& path, size_t bytes) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path) << std::string(bytes, 'x');
}

TEST(RecoveryDirectory, CountsBlocksByPartAndEachFileOnce) {
  TempDirectory directory;
  write_file(directory / "store/000001.sst", 40'000);
  write_file(directory / "store/000002.blob", 400'000);
  write_file(directory / "checkpoints/1/7-ids", 80'000);
  write_file(directory / "LOCK", 1);
  std::filesystem::create_hard_link(directory / "checkpoints/1/7-ids", directory / "checkpoints/1/8-ids");
  EXPECT_EQ(must(drop_from_page_cache(directory.path())), 0);  // and allocates what was not yet
  const DirectoryBytes bytes = must(directory_bytes(directory.path()));
  const auto about = [](uint64_t taken, uint64_t length) { return taken >= length && taken < length + 8192; };
  EXPECT_TRUE(about(bytes.store, 40'000)) << bytes.store;
  EXPECT_TRUE(about(bytes.blobs, 400'000)) << bytes.blobs;
  EXPECT_TRUE(about(bytes.checkpoints, 80'000)) << bytes.checkpoints;
  EXPECT_EQ(bytes.total(), bytes.store + bytes.blobs + bytes.checkpoints + bytes.rest);
}

TEST(RecoveryRival, HoldsTheBytesThatKithWrites) {
  TempDirectory directory;
  const BenchSet set = must(load_bench_set("synthetic@2500", 1));
  const Workload workload(set);
  const std::unique_ptr<Recorder> recorder = must(Recorder::create());
  const std::shared_ptr<Collection> recorded =
      must(recorder->database().create_collection("bench", workload.schema()));
  for (uint64_t batch = 0; batch < 5; ++batch)
    must(recorded->upsert(workload.batch(batch), Durability::kSync));
  const std::vector<StoreBatch> batches = recorder->take();
  ASSERT_EQ(batches.size(), 7u);  // the format, the collection, five batches
  { auto options_of = testing_support::open_at(directory / "empty"); }
  std::filesystem::create_directories(directory / "rival");
  {
    std::string error;
    const std::unique_ptr<RivalStore> rival =
        make_rocksdb(directory / "empty/store", directory / "rival/store", &error);
    ASSERT_NE(rival, nullptr) << error;
    for (const StoreBatch& batch : batches) ASSERT_EQ(rival->write(batch), "");
  }
  const auto database = testing_support::open_at(directory / "rival");
  const std::shared_ptr<Collection> collection = must(database->collection("bench"));
  EXPECT_EQ(collection->info().sequence, 5u);
  EXPECT_EQ(testing_support::content_of(*collection, 1000), testing_support::content_of(*recorded, 1000));
  EXPECT_TRUE(must(database->verify("bench", {})).problems.empty());
}

TEST(RecoveryRival, SaysWhatItMisses) {
  TempDirectory directory;
  std::string error;
  EXPECT_EQ(make_rocksdb(directory / "nothing", directory / "rival", &error), nullptr);
  EXPECT_NE(error.find("RocksDB"), std::string::npos) << error;
}

TEST(RecoveryJobs, CountsAreReadFromWhatTheTestsLeave) {
  const JobOutcome outcome =
      must(read_job_outcome(R"({"tests": 2, "testsuites": [{"name": "Kill", "testsuite": [
    {"name": "Each", "job.kill.points": "400", "job.kill.lost_acknowledged": "0", "time": "3s"},
    {"name": "Other", "job.damage.points": "7", "job.damage.silently_wrong": "2",
     "failures": [{"failure": "damage_test.cc:1\nvalue of 2", "type": ""}]}]}]})"));
  const std::map<std::string, double> counts = {{"kill/points", 400},
                                                {"kill/lost_acknowledged", 0},
                                                {"damage/points", 7},
                                                {"damage/silently_wrong", 2}};
  EXPECT_EQ(outcome.counts, counts);
  EXPECT_EQ(outcome.failed, "damage_test.cc:1\nvalue of 2");
  for (const char* json :
       {"", "{}", "[1]", "{\"testsuites\": []}", "{\"testsuites\": [{\"testsuite\": [{}]}]}"})
    EXPECT_FALSE(read_job_outcome(json).ok()) << json;
}

}  // namespace
}  // namespace kith::bench
