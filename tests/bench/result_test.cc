// Goal: reports have the one JSON shape, and a bad figure is refused instead of written. Method: reports are
// parsed back.
#include "bench/harness/result.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/io/memory_file_system.h"

namespace kith::bench {
namespace {

Machine some_machine() {
  return {"CPU \"X\"", 2, 1024, "Linux 6", "avx2", "gcc 12"};
}

Report some_report() {
  return Report("recall", "abc123", some_machine());
}

TEST(Report, HasTheOneShape) {
  Report report = some_report();
  ASSERT_TRUE(report.add({"recall/set/hnsw/qps@0.95", 900, "1/s", RivalFigure{"hnswlib M16", 600}}).ok());
  ASSERT_TRUE(report.add({"recall/set/hnsw/build_s", 12.5, "s", {}}).ok());
  report.note("a note");
  auto json = nlohmann::json::parse(report.to_json());
  EXPECT_EQ(json["suite"], "recall");
  EXPECT_EQ(json["commit"], "abc123");
  EXPECT_EQ(json["machine"]["cpu"], "CPU \"X\"");
  EXPECT_EQ(json["machine"]["cores"], 2);
  EXPECT_EQ(json["machine"]["cpu_level"], "avx2");
  EXPECT_EQ(json["notes"], nlohmann::json::array({"a note"}));
  ASSERT_EQ(json["results"].size(), 2u);
  nlohmann::json with_rival{{"name", "recall/set/hnsw/qps@0.95"},
                            {"value", 900.0},
                            {"unit", "1/s"},
                            {"rival", "hnswlib M16"},
                            {"rival_value", 600.0},
                            {"ratio", 1.5}};
  EXPECT_EQ(json["results"][0], with_rival);
  nlohmann::json alone{{"name", "recall/set/hnsw/build_s"}, {"value", 12.5}, {"unit", "s"}};
  EXPECT_EQ(json["results"][1], alone);
}

TEST(Report, IsWholeJsonWhenEmptyAndWithInvalidUtf8) {
  Report report = some_report();
  EXPECT_TRUE(nlohmann::json::parse(report.to_json())["results"].is_array());
  report.note("broken \xff byte");
  EXPECT_FALSE(nlohmann::json::parse(report.to_json(), nullptr, false).is_discarded());
}

TEST(Report, LeavesTheRatioOutWhereTheRivalIsZero) {
  Report report = some_report();
  ASSERT_TRUE(report.add({"recall/set/hnsw/x", 1, "", RivalFigure{"r", 0}}).ok());
  EXPECT_FALSE(nlohmann::json::parse(report.to_json())["results"][0].contains("ratio"));
}

TEST(Report, RefusesWhatIsNoFigure) {
  Report report = some_report();
  EXPECT_FALSE(report.add({"recall/set/hnsw/x", std::nan(""), "", {}}).ok());
  EXPECT_FALSE(report.add({"recall/set/hnsw/x", INFINITY, "", {}}).ok());
  EXPECT_FALSE(report.add({"recall/set/hnsw/x", 1, "", RivalFigure{"r", INFINITY}}).ok());
  for (const char* name : {"", "recall", "recall/", "recall/x", "micro/a/b/c", "recall/a b/c/d",
                           "recall//b/c", "recall/a/b/", "recallx/a/b/c", "recall/a/\xc3\xa4/b"})
    EXPECT_FALSE(report.add({name, 1, "", {}}).ok()) << name;
  EXPECT_TRUE(report.figures().empty());
}

TEST(Report, RefusesANameTwice) {
  Report report = some_report();
  ASSERT_TRUE(report.add({"recall/set/hnsw/x", 1, "", {}}).ok());
  Result<void> again = report.add({"recall/set/hnsw/x", 2, "", {}});
  ASSERT_FALSE(again.ok());
  EXPECT_NE(again.error().message.find("recall/set/hnsw/x"), std::string::npos);
  EXPECT_EQ(report.figures().size(), 1u);
}

TEST(Report, WritesIntoADirectoryThatIsNotThereYet) {
  MemoryFileSystem fs;
  ASSERT_TRUE(fs.make_directories("/out").ok());
  Report report = some_report();
  Result<void> written = report.write(fs, "/out/deep/er/x.json");
  ASSERT_TRUE(written.ok()) << written.error().message;
  auto file = fs.open("/out/deep/er/x.json");
  ASSERT_TRUE(file.ok()) << file.error().message;
  std::string text((*file)->size(), '\0');
  ASSERT_TRUE((*file)->read(0, std::as_writable_bytes(std::span(text))).ok());
  EXPECT_EQ(text, report.to_json());
}

TEST(Machine, IsDescribed) {
  Machine machine = describe_machine();
  EXPECT_GE(machine.cores, 1u);
  EXPECT_GT(machine.memory_bytes, 1u << 20);
  EXPECT_NE(machine.compiler.find(' '), std::string::npos);
  EXPECT_FALSE(machine.cpu_level.empty());
}

TEST(Machine, CommitComesFromTheEnvironmentFirst) {
  setenv("KITH_COMMIT", "feedface", 1);
  EXPECT_EQ(current_commit(), "feedface");
  unsetenv("KITH_COMMIT");
  EXPECT_FALSE(current_commit().empty());
}

TEST(MemoryProbe, SeesMemoryThatIsGivenBackBeforeTheEnd) {
  constexpr size_t kBytes = 64 << 20;
  MemoryProbe probe;
  { std::vector<char> block(kBytes, 1); }
  std::optional<uint64_t> growth = probe.peak_growth();
  if (!growth) GTEST_SKIP() << "the kernel lets nobody reset the high-water mark";
  EXPECT_GE(*growth, kBytes * 9 / 10);
  EXPECT_LE(*growth, kBytes * 2);
}

}  // namespace
}  // namespace kith::bench
