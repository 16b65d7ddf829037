// Goal: log lines are one line each, parseable, and no value can forge another. Method: exact lines for both
// forms with hostile values; what reaches stderr at each level; threads that log at once.
#include "base/log.h"

#include <gtest/gtest.h>

#include <sstream>
#include <thread>

namespace kith {
namespace {

TEST(Log, TextForm) {
  EXPECT_EQ(format_log_line(LogLevel::kInfo, "opened",
                            {{"collection", "docs"}, {"rows", 60'000}, {"ok", true}}, false),
            "info opened collection=docs rows=60000 ok=true");
  EXPECT_EQ(format_log_line(LogLevel::kWarn, "a\nb", {{"k", "x y"}, {"e", ""}, {"f", 1.5}}, false),
            "warn a\\nb k=\"x y\" e=\"\" f=1.5");
}

TEST(Log, JsonForm) {
  EXPECT_EQ(format_log_line(LogLevel::kError, "failed", {{"path", std::string("/a\"b")}, {"n", -3}}, true),
            R"({"level":"error","message":"failed","path":"/a\"b","n":-3})");
}

TEST(Log, HostileValuesStayInsideTheirQuotes) {
  const std::string forged = "x\nerror forged=1\r\x1b[31m";
  EXPECT_EQ(format_log_line(LogLevel::kInfo, "m", {{"v", forged}}, false),
            "info m v=\"x\\nerror forged=1\\u000d\\u001b[31m\"");
  EXPECT_EQ(format_log_line(LogLevel::kInfo, "m", {{"v", "\xff\xc0\x80ok\xe2\x82\xac\xed\xa0\x80"}}, true),
            "{\"level\":\"info\",\"message\":\"m\",\"v\":"
            "\"\\ufffd\\ufffd\\ufffdok\xe2\x82\xac\\ufffd\\ufffd\\ufffd\"}");
}

TEST(Log, ReadsItsSettings) {
  EXPECT_EQ(parse_log_options("").level, LogLevel::kInfo);
  EXPECT_FALSE(parse_log_options("").json);
  EXPECT_EQ(parse_log_options("debug").level, LogLevel::kDebug);
  EXPECT_EQ(parse_log_options("off").level, LogLevel::kOff);
  EXPECT_EQ(parse_log_options("warn,json").level, LogLevel::kWarn);
  EXPECT_TRUE(parse_log_options("warn,json").json);
  EXPECT_TRUE(parse_log_options("json").json);
  EXPECT_EQ(parse_log_options("loud").level, LogLevel::kInfo);
}

TEST(Log, WritesWholeLinesOfItsLevelToStderr) {
  testing::internal::CaptureStderr();
  set_log_options({LogLevel::kWarn, false});
  EXPECT_FALSE(log_enabled(LogLevel::kInfo));
  log_info("hidden");
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([t] {
      for (int i = 0; i < 50; ++i) log_warn("shown", {{"thread", t}, {"i", i}});
    });
  for (std::thread& thread : threads) thread.join();
  set_log_options({LogLevel::kInfo, true});
  log_info("last");
  set_log_options({});
  std::istringstream lines(testing::internal::GetCapturedStderr());
  std::string line;
  size_t count = 0;
  while (std::getline(lines, line)) {
    ++count;
    if (count <= 200) {
      EXPECT_NE(line.find("Z warn shown thread="), std::string::npos) << line;
    } else {
      EXPECT_EQ(line.substr(0, 9), "{\"time\":\"") << line;
      EXPECT_NE(line.find("Z\",\"level\":\"info\",\"message\":\"last\"}"), std::string::npos) << line;
    }
  }
  EXPECT_EQ(count, 201u);
}

TEST(Log, CountsErrorsAlsoThoseNotWritten) {
  const uint64_t before = log_errors();
  set_log_options({LogLevel::kOff, false});
  log_error("one");
  log_warn("no error");
  set_log_options({});
  EXPECT_EQ(log_errors(), before + 1);
}

}  // namespace
}  // namespace kith
