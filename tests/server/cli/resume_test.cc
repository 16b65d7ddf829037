// Goal: a load that dies (SIGKILL) or is stopped (Ctrl-C) goes on with --resume and ends with every row once,
// byte for byte. Method: the real binary, killed at random moments of a real load, resumed until done; the
// export is compared with the file. Both ways: on a directory and through a server.
#include <csignal>
#include <thread>

#include "base/random.h"
#include "tests/server/cli/kith_command.h"

namespace kith::test {
namespace {

using namespace std::chrono_literals;
constexpr uint32_t kDim = 32;
constexpr size_t kRows = 20'000;

using CliResume = CliBothWays;
INSTANTIATE_TEST_SUITE_P(Cli, CliResume, testing::Values("dir", "server"),
                         [](const auto& test) { return test.param; });

/// Small batches: many places to die between them.
std::vector<std::string> load_arguments(const std::vector<std::string>& files,
                                        const std::vector<std::string>& target,
                                        const std::string& batch_rows) {
  std::vector<std::string> arguments = {"load",        "set",        "--batch-rows", batch_rows,
                                        "--no-settle", "--id-start", "1000"};
  append_plus(arguments, files);
  append_plus(arguments, target);
  return arguments;
}

TEST_P(CliResume, after_a_kill_at_any_moment_slow) {
  const uint64_t seed = test_seed(17);
  SCOPED_TRACE(seed);
  Random random(seed);
  const std::string bytes = fvecs_bytes(normal_vectors(kRows, kDim, seed));
  const size_t half = bytes.size() / 2 / (4 + 4 * kDim) * (4 + 4 * kDim);
  const std::vector<std::string> files = {file("a.fvecs", bytes.substr(0, half)),
                                          file("b.fvecs", bytes.substr(half))};
  kith_ok({"create", "set", "--dim", std::to_string(kDim), "--index", "flat"});

  // How long a whole load takes decides where "amid" is on this machine.
  kith_ok({"create", "timed", "--dim", std::to_string(kDim), "--index", "flat"});
  std::vector<std::string> arguments = load_arguments(files, target(), "50");
  arguments[1] = "timed";
  const auto start = std::chrono::steady_clock::now();
  ASSERT_EQ(run_kith(home_, arguments).code, 0);
  const std::chrono::duration<double> whole = std::chrono::steady_clock::now() - start;
  arguments[1] = "set";

  uint64_t kills_amid = 0;
  for (int round = 0; round < 8; ++round) {
    ChildProcess load(kith_command_line(arguments));
    std::this_thread::sleep_for(whole * (0.1 + 0.5 * random.uniform()));
    const bool ran = load.running();
    load.kill_now();
    (void)load.wait(10s);
    const uint64_t stored = points("set");
    EXPECT_EQ(stored % 50, 0u) << "a batch was stored in part";
    if (ran && stored > 0 && stored < kRows) ++kills_amid;
    if (round == 0) arguments.push_back("--resume");
  }
  EXPECT_GT(kills_amid, 0u) << "no kill hit a running load: the test proves nothing on this machine";
  const KithRun last = run_kith(home_, arguments);
  ASSERT_EQ(last.code, 0) << last.err;
  EXPECT_EQ(points("set"), kRows);
  kith_ok({"export", "set", home_ / "out.fvecs"});
  EXPECT_TRUE(read_bytes(home_ / "out.fvecs") == bytes) << "what is stored is not what was loaded";
  EXPECT_EQ(kith_ok({"verify", "set", "--json"}).json()["whole"], true);
}

TEST_P(CliResume, after_ctrl_c_it_says_how) {
  const std::string base = file("base.fvecs", fvecs_bytes(normal_vectors(kRows, kDim, 3)));
  kith_ok({"create", "set", "--dim", std::to_string(kDim), "--index", "flat"});
  std::vector<std::string> arguments = load_arguments({base}, target(), "1");
  ChildProcess load(kith_command_line(arguments));
  ASSERT_TRUE(wait_until_catches(load.pid(), SIGINT));
  std::this_thread::sleep_for(300ms);
  load.signal(SIGINT);
  const auto end = load.wait(60s);
  ASSERT_TRUE(end.has_value());
  ASSERT_EQ(end->code, 6) << "the load was done before Ctrl-C came, or did not stop cleanly: "
                          << load.output();
  EXPECT_NE(load.output().find("--resume"), std::string::npos) << load.output();
  arguments = load_arguments({base}, target(), "1000");
  arguments.push_back("--resume");
  arguments.push_back("--json");
  const KithRun last = run_kith(home_, arguments);
  ASSERT_EQ(last.code, 0) << last.err;
  EXPECT_EQ(last.json()["skipped"].get<uint64_t>() + last.json()["rows"].get<uint64_t>(), kRows) << last.out;
  EXPECT_EQ(points("set"), kRows);
}

TEST_P(CliResume, a_timeout_ends_a_load_though_the_server_hangs) {
  constexpr size_t kMany = 300'000;
  const std::string base = file("base.fvecs", fvecs_bytes(normal_vectors(kMany, 2, 5)));
  kith_ok({"create", "set", "--dim", "2", "--index", "flat"});
  std::vector<std::string> arguments = load_arguments({base}, target(), "1");
  append_plus(arguments, {"--timeout", "2"});
  ChildProcess load(kith_command_line(arguments));
  if (server_ != nullptr) {
    for (int i = 0; i < 100 && points("set") == 0; ++i) std::this_thread::sleep_for(10ms);
    server_->signal(SIGSTOP);
  }
  const auto end = load.wait(60s);
  if (server_ != nullptr) server_->signal(SIGCONT);
  ASSERT_TRUE(end.has_value()) << "the load waits for a server that hangs";
  EXPECT_EQ(end->code, 9) << load.output();
  EXPECT_NE(load.output().find("--timeout"), std::string::npos) << load.output();
  EXPECT_NE(load.output().find("add --resume"), std::string::npos) << load.output();
  const uint64_t stored = points("set");
  EXPECT_GT(stored, 0u);
  arguments = load_arguments({base}, target(), "10000");
  append_plus(arguments, {"--resume", "--json"});
  const KithRun last = run_kith(home_, arguments);
  ASSERT_EQ(last.code, 0) << last.err;
  EXPECT_GE(last.json()["skipped"].get<uint64_t>(), stored) << last.out;
  EXPECT_EQ(points("set"), kMany);
}

TEST_P(CliResume, files_with_ids_of_their_own_and_attributes) {
  std::string lines;
  for (int i = 0; i < 2500; ++i)
    lines += "{\"id\":\"p" + std::to_string(i) + "\",\"vector\":[" + std::to_string(i) + ",1]}\n";
  const std::string all = file("all.jsonl", lines);
  kith_ok({"load", "set", all, "--create", "--limit", "1234"});
  const auto rest = kith_ok({"load", "set", all, "--resume", "--json"}).json();
  EXPECT_EQ(rest["skipped"], 1234) << rest;
  EXPECT_EQ(rest["rows"], 1266) << rest;
  EXPECT_EQ(points("set"), 2500u);
  EXPECT_EQ(kith_ok({"load", "set", all, "--resume", "--json"}).json()["rows"], 0);

  const std::string base = file("base.fvecs", fvecs_bytes(normal_vectors(300, 2, 4)));
  std::string payloads;
  for (int i = 0; i < 300; ++i) payloads += "{\"row\":" + std::to_string(i) + "}\n";
  const std::string attributes = file("attributes.jsonl", payloads);
  kith_ok({"load", "rows", base, "--create", "--attributes", attributes, "--limit", "100"});
  kith_ok({"load", "rows", base, "--attributes", attributes, "--resume"});
  kith_ok({"export", "rows", home_ / "rows.jsonl"});
  const std::string exported = read_bytes(home_ / "rows.jsonl");
  for (const int i : {0, 99, 100, 101, 299}) {
    const std::string row = std::to_string(i);
    const size_t at = exported.find("{\"id\":" + row + ",");
    ASSERT_NE(at, std::string::npos) << row;
    const std::string line = exported.substr(at, exported.find('\n', at) - at);
    EXPECT_NE(line.find("\"payload\":{\"row\":" + row + "}"), std::string::npos) << line;
  }
}

// A log of changes: that an id is stored says nothing about its later rows.
TEST_P(CliResume, files_whose_own_ids_repeat) {
  std::string lines;
  for (int i = 0; i < 1000; ++i)
    lines += "{\"id\":" + std::to_string(i % 100) + ",\"vector\":[" + std::to_string(i) + ",1]}\n";
  const std::string all = file("log.jsonl", lines);
  kith_ok({"load", "set", all, "--create", "--batch-rows", "50", "--limit", "250"});
  const auto rest = kith_ok({"load", "set", all, "--batch-rows", "50", "--resume", "--json"}).json();
  EXPECT_EQ(rest["skipped"], 100) << rest;
  EXPECT_EQ(rest["rows"], 900) << rest;
  EXPECT_EQ(points("set"), 100u);
  for (const char* id : {"0", "49", "50", "99"}) {
    const auto found =
        kith_ok({"search", "set", "--vector", "[" + std::to_string(900 + std::atoi(id)) + ",1]", "-k", "1",
                 "--exact", "--json"})
            .json();
    EXPECT_EQ(found["hits"][0]["id"], std::atoi(id)) << found;
    EXPECT_EQ(found["hits"][0]["score"], 0.0) << found;
  }
}

}  // namespace
}  // namespace kith::test
