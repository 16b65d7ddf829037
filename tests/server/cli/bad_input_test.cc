// Goal: bad input gives the documented exit code and a message that names flag, file and place, and changes
// nothing. Method: the real binary on broken files, wrong flags, missing things and a directory in use; both
// ways where data is touched.
#include <cstring>
#include <filesystem>
#include <limits>

#include "server/cli/exit_code.h"
#include "tests/server/cli/kith_command.h"

namespace kith::test {
namespace {

/// Checks code and words, on stderr as text and again as JSON.
void expect_failure(const KithRun& run, int code, const std::vector<std::string>& words) {
  EXPECT_EQ(run.code, code) << run.err;
  EXPECT_EQ(run.out, "") << "stdout is for results";
  for (const std::string& word : words)
    EXPECT_NE(run.err.find(word), std::string::npos) << "no '" << word << "' in: " << run.err;
}

TEST(CliUsage, wrong_arguments_are_told_before_anything_happens) {
  const TempDir home;
  struct Case {
    std::vector<std::string> arguments;
    std::vector<std::string> words;
  };
  const std::string dir = home / "data";
  const Case cases[] = {
      {{}, {"--help"}},
      {{"serach", "x"}, {"serach", "did you mean 'search'"}},
      {{"search"}, {"NAME"}},
      {{"search", "x", "--dir", dir}, {"--vector"}},
      {{"search", "x", "--vector", "[1]", "--like", "3", "--dir", dir}, {"--like"}},
      {{"search", "x", "--vector", "[1]", "-k", "0", "--dir", dir}, {"-k", "0"}},
      {{"search", "x", "--vector", "[1]", "-k", "18446744073709551615", "--dir", dir}, {"-k"}},
      {{"search", "x", "--vector", "[1]", "-k", "-1", "--dir", dir}, {"-k"}},
      {{"search", "x", "--like", "1", "-k", "10000", "--dir", dir}, {"--like", "-k 10000", "9999"}},
      {{"search", "x", "--like", "1", "--offset", "9990", "--dir", dir}, {"--like", "--offset 9990", "9999"}},
      {{"search", "x", "--vector", "[1]", "--dir", dir, "--server", "127.0.0.1:1"}, {"--server"}},
      {{"create", "x", "--dim", "0", "--dir", dir}, {"--dim"}},
      {{"create", "x", "--dim", "65536", "--dir", dir}, {"--dim"}},
      {{"create", "x", "--dir", dir}, {"--dim"}},
      {{"create", "x", "--dim", "4", "--metric", "near", "--dir", dir}, {"--metric", "near"}},
      {{"create", "x", "--dim", "4", "--option", "m", "--dir", dir}, {"--option", "m"}},
      {{"create", "x", "--field", "a", "--dir", dir}, {"--field", "a"}},
      {{"load", "x", "--dir", dir}, {"FILE"}},
      {{"load", "x", home / "x.parquet", "--create", "--dir", dir}, {"x.parquet"}},
      {{"load", "x", home / "x.fvecs", "--durability", "none", "--dir", dir}, {"--durability"}},
      {{"export", "x", home / "x.csv", "--dir", dir}, {"x.csv", ".jsonl"}},
      {{"delete", "x", "--dir", dir}, {"--id"}},
      {{"delete", "x", "--id", "", "--dir", dir}, {"--id"}},
      {{"delete", "x", "--id", "1", "--filter", "n = 1", "--dir", dir}, {"--filter"}},
      {{"update", "x", "--set", "{}", "--dir", dir}, {"--id", "--filter"}},
      {{"update", "x", "--id", "1", "--dir", dir}, {"--set"}},
      {{"update", "x", "--id", "1", "--set", "{}", "--replace", "{}", "--dir", dir}, {"--set"}},
      {{"update", "x", "--id", "1", "--vector", "[x]", "--dir", dir}, {"--vector"}},
      {{"serve"}, {"--dir"}},
      {{"serve", "--dir", dir, "--port", "65536"}, {"--port"}},
      {{"datasets"}, {"--help"}},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(testing::PrintToString(one.arguments));
    expect_failure(run_kith(home, one.arguments), 2, one.words);
    std::vector<std::string> as_json = one.arguments;
    as_json.push_back("--json");
    const KithRun run = run_kith(home, as_json);
    const auto error = nlohmann::json::parse(run.err, nullptr, false);
    EXPECT_EQ(error["error"]["code"], "invalid_argument") << run.err;
    EXPECT_FALSE(std::filesystem::exists(dir)) << "a refused command left a directory behind";
  }
}

TEST(CliUsage, help_of_every_command) {
  const TempDir home;
  const KithRun all = run_kith(home, {"--help"});
  EXPECT_EQ(all.code, 0);
  EXPECT_NE(all.out.find(exit_code_help()), std::string::npos);
  for (const char* command : {"serve", "create", "load", "search", "info", "delete", "update", "export",
                              "bench", "verify", "datasets"}) {
    EXPECT_NE(all.out.find(command), std::string::npos);
    const KithRun help = run_kith(home, {command, "--help"});
    EXPECT_EQ(help.code, 0) << command;
    EXPECT_NE(help.out.find("Examples:\n  kith " + std::string(command)), std::string::npos) << help.out;
  }
}

TEST(CliUsage, version) {
  const TempDir home;
  const KithRun run = run_kith(home, {"--version"});
  EXPECT_EQ(run.code, 0);
  EXPECT_EQ(run.out.substr(0, 5), "kith ") << run.out;
  EXPECT_EQ(std::count(run.out.begin(), run.out.end(), '.'), 2) << run.out;
}

TEST(CliUsage, nobody_serves_there) {
  const TempDir home;
  expect_failure(run_kith(home, {"info", "--server", "127.0.0.1:1"}), 5, {"127.0.0.1:1"});
  expect_failure(run_kith(home, {"serve", "--dir", home / "data", "--host", "0.0.0.0", "--port", "0"}), 7,
                 {"0.0.0.0"});
}

TEST(CliUsage, a_missing_directory_is_not_made_by_reading) {
  const TempDir home;
  expect_failure(run_kith(home, {"info", "--dir", home / "nowhere"}), 3, {"nowhere"});
  EXPECT_FALSE(std::filesystem::exists(home / "nowhere"));
}

TEST(CliUsage, a_second_process_on_the_same_directory) {
  const TempDir home;
  const ServedDirectory server(home / "data");
  expect_failure(run_kith(home, {"create", "x", "--dim", "4", "--dir", home / "data"}), 7, {home / "data"});
  expect_failure(run_kith(home, {"serve", "--dir", home / "data", "--port", "0"}), 7, {home / "data"});
  const KithRun list = run_kith(home, {"info", "--server", server.address(), "--json"});
  EXPECT_EQ(list.json()["collections"].size(), 0u) << list.out << list.err;
}

TEST(CliUsage, a_full_disk_under_stdout_is_a_failure) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  const ChildResult run = run_child({"/bin/sh", "-c", "exec \"$0\" --help >/dev/full", kith_binary()});
  EXPECT_EQ(run.exit.code, 1) << run.output;
}

using CliBadInput = CliBothWays;
INSTANTIATE_TEST_SUITE_P(Cli, CliBadInput, testing::Values("dir", "server"),
                         [](const auto& test) { return test.param; });

TEST_P(CliBadInput, unknown_collection_points_and_fields) {
  kith_ok({"create", "fashion", "--dim", "4"});
  const KithRun near = kith({"info", "fahsion"});
  expect_failure(near, 3, {"fahsion", "did you mean fashion?"});
  expect_failure(kith({"search", "zebra", "--vector", "[1]"}), 3, {"zebra", "kith info"});
  expect_failure(kith({"verify", "zebra"}), 3, {"zebra"});
  expect_failure(kith({"export", "zebra", home_ / "x.jsonl"}), 3, {"zebra"});
  EXPECT_FALSE(std::filesystem::exists(home_ / "x.jsonl"));
  EXPECT_FALSE(std::filesystem::exists(home_ / "x.jsonl.partial"));
  expect_failure(kith({"delete", "zebra", "--id", "1"}), 3, {"zebra"});
  expect_failure(kith({"search", "fashion", "--like", "3"}), 3, {"--like", "3"});
  expect_failure(kith({"search", "fashion", "--field", "image", "--vector", "[1,2,3,4]"}), 3,
                 {"--field", "image"});
  expect_failure(kith({"search", "fashion", "--vector", "[1,2,3]"}), 2, {"--vector", "3 dimensions", "4"});
  expect_failure(kith({"search", "fashion", "--vector", "[1,2,3,\"4\"]"}), 2, {"--vector", "element 3"});
  expect_failure(kith({"search", "fashion", "--vector-file", home_ / "none.fvecs"}), 3, {"none.fvecs"});
  expect_failure(kith({"create", "x", "--dim", "4", "--index", "wonder"}), 2, {"wonder", "hnsw"});
  expect_failure(kith({"create", "x", "--dim", "4", "--option", "wonder=4"}), 2, {"wonder"});
}

TEST_P(CliBadInput, bad_files_change_nothing) {
  const std::string good = fvecs_bytes(normal_vectors(10, 4, 1));
  kith_ok({"load", "set", file("good.fvecs", good), "--create"});
  std::string nan = good;
  const float not_a_number = std::numeric_limits<float>::quiet_NaN();
  std::memcpy(nan.data() + 3 * 20 + 4 + 2 * 4, &not_a_number, 4);
  struct Case {
    std::string name;
    std::string bytes;
    int code;
    std::vector<std::string> words;
    bool at_open = false;  // seen before the first row is read
  };
  const Case cases[] = {
      {"cut.fvecs", good.substr(0, good.size() - 3), 4, {"cut.fvecs", "byte"}, true},
      {"lies.fvecs", "\xff\xff\xff\x7f" + good.substr(4), 2, {"lies.fvecs"}, true},
      {"negative.fvecs", "\xff\xff\xff\xff" + good.substr(4), 2, {"negative.fvecs"}, true},
      {"empty.fvecs", "", 2, {"empty.fvecs"}, true},
      {"wide.fvecs", fvecs_bytes(normal_vectors(10, 5, 1)), 2, {"wide.fvecs", "5 dimensions", "'set' has 4"}},
      {"nan.fvecs", nan, 2, {"nan.fvecs", "row 3", "dimension 2"}},
      {"bad.jsonl",
       "{\"id\":1,\"vector\":[1,2,3,4]}\n{\"id\":2,\"vector\":[1,2,3]}\n",
       2,
       {"bad.jsonl", "line 2"}},
      {"twice.jsonl",
       "{\"id\":1,\"vector\":[1,2,3,4]}\n{\"id\":1,\"vector\":[1,2,3,5]}\n",
       2,
       {"twice.jsonl"}},
      {"text.csv", "id,v0,v1,v2,v3\n50,1,2,x,4\n", 2, {"text.csv", "line 2"}},
  };
  kith_ok({"export", "set", home_ / "before.jsonl"});
  for (const Case& one : cases) {
    SCOPED_TRACE(one.name);
    expect_failure(kith({"load", "set", file(one.name, one.bytes), "--quiet"}), one.code, one.words);
    if (!one.at_open) continue;
    expect_failure(kith({"load", "fresh", home_ / one.name, "--create", "--quiet"}), one.code, one.words);
  }
  expect_failure(kith({"load", "set", home_ / "missing.fvecs"}), 3, {"missing.fvecs"});
  expect_failure(
      kith({"load", "set", home_ / "good.fvecs", "--attributes", file("short.jsonl", "{}\n{}\n"), "--quiet"}),
      2, {"short.jsonl", "2 lines"});
  std::string holed;
  for (int row = 0; row < 10; ++row) holed += row == 4 ? "\n{}\n" : "{}\n";
  expect_failure(
      kith({"load", "set", home_ / "good.fvecs", "--attributes", file("holed.jsonl", holed), "--quiet"}), 2,
      {"holed.jsonl", "line 5 is blank"});
  // The first two files of a load are good, the third not: nothing of them is loaded.
  expect_failure(kith({"load", "set", home_ / "good.fvecs", home_ / "wide.fvecs", "--id-start", "1000"}), 2,
                 {"wide.fvecs"});
  kith_ok({"export", "set", home_ / "after.jsonl"});
  EXPECT_EQ(read_bytes(home_ / "before.jsonl"), read_bytes(home_ / "after.jsonl"));
  EXPECT_EQ(kith_ok({"info", "--json"}).json()["collections"].size(), 1u)
      << "a refused load made a collection";
  std::string trailing;  // blank lines at the end shift nothing
  for (int row = 0; row < 10; ++row) trailing += "{}\n";
  kith_ok({"load", "trailing", home_ / "good.fvecs", "--create", "--attributes",
           file("trailing.jsonl", trailing + "\n \n"), "--quiet"});
}

TEST_P(CliBadInput, zero_vector_under_cosine_and_values_out_of_range) {
  kith_ok({"create", "angles", "--dim", "3", "--metric", "cosine"});
  const KithRun zero =
      kith({"load", "angles", file("zero.jsonl", "{\"id\":1,\"vector\":[0,0,0]}\n"), "--quiet"});
  expect_failure(zero, 2, {"zero.jsonl"});
  kith_ok({"create", "bytes", "--dim", "2", "--type", "u8"});
  expect_failure(kith({"load", "bytes", file("big.jsonl", "{\"id\":1,\"vector\":[1,300]}\n"), "--quiet"}), 2,
                 {"big.jsonl", "row 0"});
  EXPECT_EQ(points("angles") + points("bytes"), 0u);
}

}  // namespace
}  // namespace kith::test
