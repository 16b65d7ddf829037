// Goal: when the disk is full writes fail as ResourceExhausted, nothing acknowledged is lost, reads go on,
// and with space writes do too, without a restart, again and again. And: a second process is refused. Method:
// a child under RLIMIT_FSIZE (a file that cannot grow fails like a full disk, without needing one) writes
// until it is refused, and looks at its own reads; a small file system of our own, where one can be mounted.
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/random.h"
#include "tests/crash/crash_child.h"
#include "tests/support/child_process.h"

namespace kith {
namespace {

using namespace crash;
using namespace testing_support;

constexpr uint64_t kFileBytesMax = 1u << 20;
constexpr uint64_t kBatches = 20;  // that have ids of their own; later ones replace them

struct Progress {
  std::atomic<uint64_t> acknowledged;  // batches
};

std::vector<Point> batch(uint64_t number) {
  std::vector<Point> points;
  for (uint64_t i = 0; i < 100; ++i)
    points.push_back(point(Id(number % kBatches * 100 + i),
                           std::vector<float>(kDim, static_cast<float>(number)),
                           fmt::format("{{\"batch\":{},\"text\":\"{}\"}}", number, std::string(500, 'x'))));
  return points;
}

void limit_files(rlim_t bytes) {
  const rlimit limit{bytes, RLIM_INFINITY};
  CHECK(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

/// Upserts until one is refused; `acknowledged` counts those before it.
Result<WriteReceipt> fill(Collection& x, std::atomic<uint64_t>& acknowledged) {
  for (int i = 0; i < 10'000; ++i) {
    auto written = x.upsert(batch(acknowledged), Durability::kSync);
    if (!written.ok()) return written;
    ++acknowledged;
  }
  return WriteReceipt{};
}

/// The database's own thread finds the space.
bool goes_on(Collection& x, std::atomic<uint64_t>& acknowledged) {
  for (int i = 0; i < 500; ++i) {
    if (x.upsert(batch(acknowledged), Durability::kSync).ok()) return ++acknowledged, true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

/// What is so while the disk is full: upserts are refused at once, reads go on.
void expect_full(Collection& x, std::atomic<uint64_t>& acknowledged) {
  // One may still find room that a flush or a compaction just made, and another be the one that meets the end
  // of the disk itself, which waits for flushes under way.
  int slow = 0;
  for (int i = 0; i < 3; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const auto written = x.upsert(batch(acknowledged), Durability::kSync);
    acknowledged += written.ok() ? 1 : 0;
    if (written.ok()) continue;
    EXPECT_EQ(written.error().code, Code::kResourceExhausted);
    slow += std::chrono::steady_clock::now() - start > std::chrono::milliseconds(100) ? 1 : 0;
  }
  EXPECT_LE(slow, 1);
  EXPECT_EQ(must(x.count()), std::min<uint64_t>(acknowledged, kBatches) * 100);
  EXPECT_EQ(must(x.search(query(std::vector<float>(kDim, 0), 10))).hits.size(), 10u);
}

/// Every point is as the last batch that was acknowledged left it.
void expect_all(Collection& x, uint64_t acknowledged) {
  const std::map<Id, Content> content = content_of(x, 1000);
  ASSERT_EQ(content.size(), std::min<uint64_t>(acknowledged, kBatches) * 100);
  for (uint64_t number = acknowledged - std::min<uint64_t>(acknowledged, kBatches); number < acknowledged;
       ++number)
    for (const Point& each : batch(number))
      ASSERT_EQ(content.at(each.id).payload, each.payload) << to_string(each.id) << " of batch " << number;
}

/// Runs as the child.
TEST(CrashChild, DISABLED_FillTheDisk) {
  const char* directory = std::getenv("KITH_CRASH_DIRECTORY");
  if (directory == nullptr) GTEST_SKIP() << "only run by the tests of this folder";
  set_log_options({LogLevel::kOff, false});
  Shared<Progress> progress(std::string(directory) + "/progress");
  std::signal(SIGXFSZ, SIG_IGN);  // the write then fails with EFBIG
  auto db = open_at(std::string(directory) + "/db");
  auto x = must(db->create_collection("x", crash_schema()));
  std::atomic<uint64_t>& acknowledged = progress->acknowledged;
  for (int cycle = 0; cycle < 20; ++cycle) {
    SCOPED_TRACE(fmt::format("cycle {}", cycle));
    limit_files(kFileBytesMax);
    const auto refused = fill(*x, acknowledged);
    ASSERT_FALSE(refused.ok()) << "the limit was never met";
    EXPECT_EQ(refused.error().code, Code::kResourceExhausted) << refused.error().message;
    EXPECT_NE(refused.error().message.find("free some"), std::string::npos) << refused.error().message;
    expect_full(*x, acknowledged);
    if (cycle == 19) return;  // ends while the disk is full
    limit_files(RLIM_INFINITY);
    ASSERT_TRUE(goes_on(*x, acknowledged));
  }
}

/// Runs as the child: the directory is somebody else's.
TEST(CrashChild, DISABLED_OpenWhatIsOpen) {
  const char* directory = std::getenv("KITH_CRASH_DIRECTORY");
  if (directory == nullptr) GTEST_SKIP() << "only run by the tests of this folder";
  const auto opened = Database::open(std::string(directory) + "/db", {});
  ASSERT_EQ(code_of(opened), Code::kFailedPrecondition);
  EXPECT_NE(opened.error().message.find(directory), std::string::npos) << opened.error().message;
  EXPECT_NE(opened.error().message.find("process"), std::string::npos) << opened.error().message;
}

test::ChildResult run(const std::string& name, const std::string& directory) {
  test::ChildOptions options;
  options.environment = {{"KITH_CRASH_DIRECTORY", directory}};
  return test::run_child(
      {"/proc/self/exe", "--gtest_filter=CrashChild.DISABLED_" + name, "--gtest_also_run_disabled_tests"},
      options);
}

TEST(FullDisk, RefusesWritesGoesOnWithSpaceAndLosesNothing) {
  TempDirectory directory;
  Shared<Progress> progress(directory / "progress");
  const auto child = run("FillTheDisk", directory.path());
  ASSERT_EQ(child.exit.code, 0) << child.output;
  std::atomic<uint64_t>& acknowledged = progress->acknowledged;
  ASSERT_GT(acknowledged, 40u);
  auto db = open_at(directory / "db");  // there is space here
  auto x = must(db->collection("x"));
  EXPECT_EQ(x->info().sequence, acknowledged);
  expect_all(*x, acknowledged);
  const auto report = must(db->verify("x", {}));
  EXPECT_TRUE(report.problems.empty()) << report.problems.front();
  EXPECT_TRUE(goes_on(*x, acknowledged));
}

/// A file system of its own, 64 MiB, while it lives.
class SmallDisk {
 public:
  explicit SmallDisk(std::string path) : path_(std::move(path)) {
    std::filesystem::create_directory(path_);
    mounted_ = ::mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=64m") == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  bool mounted() const { return mounted_; }

  /// Something else takes all of it but `room`.
  void take_all_but(uint64_t room) {
    std::ofstream out(path_ + "/other", std::ios::binary);
    const std::string block(64 << 10, 'o');
    while (std::filesystem::space(path_).available > room + block.size() &&
           out.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
    }
  }
  void free_all() { std::filesystem::remove(path_ + "/other"); }

 private:
  const std::string path_;
  bool mounted_ = false;
};

TEST(FullDisk, OfARealFileSystemToo) {
  TempDirectory directory;
  SmallDisk disk(directory / "disk");
  if (!disk.mounted()) GTEST_SKIP() << "no tmpfs can be mounted here: not root, or not allowed";
  Random random(1);
  std::atomic<uint64_t> acknowledged{0};
  for (const uint64_t reserve :
       {uint64_t{0}, uint64_t{16} << 20}) {  // flushes and compactions have room in it
    DatabaseOptions options;
    options.disk_reserve_bytes = reserve;
    options.memtable_bytes = 1u << 20;
    auto db = open_at(directory / "disk/db", options);
    if (reserve == 0) must(db->create_collection("x", crash_schema()));
    auto x = must(db->collection("x"));
    for (int cycle = 0; cycle < 10; ++cycle) {
      SCOPED_TRACE(fmt::format("reserve {}, cycle {}", reserve, cycle));
      disk.take_all_but(reserve + random.below(512u << 10));
      ASSERT_FALSE(fill(*x, acknowledged).ok());
      expect_full(*x, acknowledged);
      if (reserve > 0) {  // a removal, taken back by the batch after it
        const uint64_t next = acknowledged % kBatches * 100;
        EXPECT_EQ(must(x->remove(std::vector{Id(next)}, Durability::kSync)).removed, 1u);
      }
      disk.free_all();
      ASSERT_TRUE(goes_on(*x, acknowledged));
      expect_all(*x, acknowledged);
    }
    x.reset();
    db.reset();
    db = open_at(directory / "disk/db", options);
    expect_all(*must(db->collection("x")), acknowledged);
    const auto report = must(db->verify("x", {}));
    EXPECT_TRUE(report.problems.empty()) << report.problems.front();
  }
}

TEST(SecondProcess, IsRefusedAndToldWhoHoldsTheDirectory) {
  TempDirectory directory;
  auto db = open_at(directory / "db");
  const auto child = run("OpenWhatIsOpen", directory.path());
  EXPECT_EQ(child.exit.code, 0) << child.output;
  must(db->create_collection("still_mine", crash_schema()));
}

}  // namespace
}  // namespace kith
