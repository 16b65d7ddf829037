// Goal: the command line passes on what bounds points and reads: expiry, write tokens, budgets. Method: the
// real binary as a child process, on a directory and through a server.
#include <thread>

#include "base/clock.h"
#include "tests/server/cli/kith_command.h"

namespace kith::test {
namespace {

using CliLimits = CliBothWays;
INSTANTIATE_TEST_SUITE_P(Cli, CliLimits, testing::Values("dir", "server"),
                         [](const auto& test) { return test.param; });

TEST_P(CliLimits, points_expire_when_their_line_says_or_after_the_ttl) {
  const std::string lines = file("lines.jsonl",
                                 R"({"id":1,"vector":[1,2],"payload":{"n":1},"expires_at_ms":32503680000000}
{"id":2,"vector":[1,3],"n":2}
{"id":3,"vector":[1,4],"expires_at_ms":1}
)");
  const auto before = static_cast<uint64_t>(Clock::system().wall_ms());
  kith_ok({"load", "set", lines, "--create", "--ttl", "7200"});
  const auto after = static_cast<uint64_t>(Clock::system().wall_ms());
  EXPECT_EQ(points("set"), 2u) << "the third had expired before it came";
  const auto hits =
      kith_ok({"search", "set", "--vector", "[1,2]", "--with-payload", "--json"}).json()["hits"];
  ASSERT_EQ(hits.size(), 2u) << hits;
  EXPECT_EQ(hits[0]["expires_at_ms"], 32503680000000);
  EXPECT_EQ(hits[0]["payload"]["n"], 1);
  EXPECT_EQ(hits[1]["payload"].size(), 1u) << "the expiry is no payload";
  const auto until = hits[1]["expires_at_ms"].get<uint64_t>();
  EXPECT_GE(until, before + 7'200'000);
  EXPECT_LE(until, after + 7'200'000);

  const std::string copy = home_ / "copy.jsonl";
  kith_ok({"export", "set", copy});
  kith_ok({"load", "again", copy, "--create"});
  kith_ok({"create", "points", "--dim", "2"});
  kith_ok({"load", "points", copy, "--points"});
  for (const char* name : {"again", "points"}) {
    const std::string twice = home_ / (std::string(name) + ".jsonl");
    kith_ok({"export", name, twice});
    EXPECT_EQ(read_bytes(twice), read_bytes(copy)) << name;
  }
  const std::string bad = file("bad.jsonl", R"({"id":1,"vector":[1,2],"expires_at_ms":"soon"})");
  for (const std::vector<std::string>& more : {std::vector<std::string>{}, {"--points"}}) {
    std::vector<std::string> command = {"load", "points", bad};
    append_plus(command, more);
    const KithRun refused = kith(command);
    EXPECT_EQ(refused.code, 2);
    EXPECT_NE(refused.err.find("whole number"), std::string::npos) << refused.err;
  }
}

TEST_P(CliLimits, points_go_when_their_time_comes) {
  kith_ok({"load", "set", file("lines.jsonl", R"({"id":1,"vector":[1,2]})"), "--create", "--ttl", "2"});
  std::this_thread::sleep_for(std::chrono::milliseconds(2100));
  EXPECT_EQ(points("set"), 0u);
}

TEST_P(CliLimits, a_read_sees_the_write_whose_sequence_it_names) {
  const std::string lines = file("lines.jsonl", "{\"id\":1,\"vector\":[1,2]}\n{\"id\":2,\"vector\":[1,3]}\n");
  const auto loaded = kith_ok({"load", "set", lines, "--create", "--batch-rows", "1", "--json"}).json();
  EXPECT_EQ(loaded["sequence"], 2) << loaded;
  const auto deleted = kith_ok({"delete", "set", "--id", "1", "--json"}).json();
  EXPECT_EQ(deleted["sequence"], 3) << deleted;
  EXPECT_EQ(kith_ok({"search", "set", "--vector", "[1,2]", "--after", "3", "--json"}).json()["hits"].size(),
            1u);
  kith_ok({"export", "set", home_ / "set.jsonl", "--after", "3"});
  for (const std::vector<std::string>& read :
       {std::vector<std::string>{"search", "set", "--vector", "[1,2]", "--after", "4"},
        {"search", "set", "--like", "2", "--after", "4"},
        {"search", "set", "--vector", "[1,2]", "--radius", "9", "--after", "4"},
        {"export", "set", home_ / "other.jsonl", "--after", "4"}}) {
    const KithRun refused = kith(read);
    EXPECT_EQ(refused.code, 7) << testing::PrintToString(read);
    EXPECT_NE(refused.err.find("at sequence 3"), std::string::npos) << refused.err;
  }
}

}  // namespace
}  // namespace kith::test
