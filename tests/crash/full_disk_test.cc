// Goal: when the disk is full writes fail as ResourceExhausted, nothing acknowledged is lost, reads go on,
// and with space the directory works again. And: a second process is refused. Method: a child under
// RLIMIT_FSIZE (a file that cannot grow fails like a full disk, without needing one) writes until it is
// refused, and looks at its own reads.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdlib>

#include "tests/crash/crash_child.h"
#include "tests/support/child_process.h"

namespace kith {
namespace {

using namespace crash;
using namespace testing_support;

constexpr uint64_t kFileBytesMax = 6u << 20;

std::vector<Point> batch(uint64_t number) {
  std::vector<Point> points;
  for (uint64_t i = 0; i < 100; ++i)
    points.push_back(point(Id(number * 100 + i), std::vector<float>(kDim, static_cast<float>(number)),
                           "{\"text\":\"" + std::string(500, 'x') + "\"}"));
  return points;
}

/// Runs as the child.
TEST(CrashChild, DISABLED_FillTheDisk) {
  const char* directory = std::getenv("KITH_CRASH_DIRECTORY");
  if (directory == nullptr) GTEST_SKIP() << "only run by the tests of this folder";
  set_log_options({LogLevel::kOff, false});
  SharedProgress progress(std::string(directory) + "/progress");
  std::signal(SIGXFSZ, SIG_IGN);  // the write then fails with EFBIG
  const rlimit limit{kFileBytesMax, kFileBytesMax};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  auto db = open_at(std::string(directory) + "/db");
  auto x = must(db->create_collection("x", crash_schema()));
  Result<WriteReceipt> last = WriteReceipt{};
  uint64_t acknowledged = 0;
  for (; acknowledged < 10'000; ++acknowledged) {
    last = x->upsert(batch(acknowledged), Durability::kSync);
    if (!last.ok()) break;
    progress->acknowledged[0] = acknowledged + 1;
  }
  ASSERT_FALSE(last.ok()) << "the limit was never met";
  EXPECT_EQ(last.error().code, Code::kResourceExhausted) << last.error().message;
  EXPECT_NE(last.error().message.find("free space"), std::string::npos) << last.error().message;
  EXPECT_GT(acknowledged, 0u);
  EXPECT_EQ(must(x->count()), acknowledged * 100);
  EXPECT_EQ(x->info().sequence, acknowledged);
  EXPECT_EQ(content_of(*x, 1000).size(), acknowledged * 100);
  EXPECT_EQ(must(x->search(query(std::vector<float>(kDim, 0), 10))).hits.size(), 10u);
  EXPECT_FALSE(x->remove(std::vector{Id(uint64_t{1})}, Durability::kAsync).ok());
  EXPECT_EQ(must(x->count()), acknowledged * 100);
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

TEST(FullDisk, RefusesWritesKeepsReadsAndLosesNothing) {
  TempDirectory directory;
  SharedProgress progress(directory / "progress");
  const auto child = run("FillTheDisk", directory.path());
  ASSERT_EQ(child.exit.code, 0) << child.output;
  const uint64_t acknowledged = progress->acknowledged[0];
  ASSERT_GT(acknowledged, 0u);
  auto db = open_at(directory / "db");  // there is space here
  auto x = must(db->collection("x"));
  const uint64_t sequence = x->info().sequence;
  EXPECT_TRUE(sequence == acknowledged || sequence == acknowledged + 1) << sequence << " of " << acknowledged;
  EXPECT_EQ(must(x->count()), sequence * 100);
  const auto report = must(db->verify("x", {}));
  EXPECT_TRUE(report.problems.empty()) << report.problems.front();
  must(x->upsert(batch(sequence), Durability::kSync));
  EXPECT_EQ(must(x->count()), (sequence + 1) * 100);
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
