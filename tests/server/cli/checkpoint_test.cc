// Goal: a checkpoint can be asked for, the next open starts from it, and a field whose checkpoint is damaged
// shows as what it is while its index is built anew. Method: the real binary, files cut between two servers.
#include <filesystem>
#include <thread>

#include "tests/server/cli/kith_command.h"

namespace kith::test {
namespace {

namespace stdfs = std::filesystem;

using CliCheckpoint = CliBothWays;
INSTANTIATE_TEST_SUITE_P(Cli, CliCheckpoint, testing::Values("dir", "server"),
                         [](const auto& test) { return test.param; });

TEST_P(CliCheckpoint, is_taken_when_asked_for) {
  const std::string base = file("base.fvecs", fvecs_bytes(clustered_vectors(500, 12, 10, 3)));
  kith_ok({"load", "set", base, "--create", "--index", "hnsw"});
  EXPECT_FALSE(stdfs::exists(data_ + "/checkpoints")) << "small collections have none but by asking";
  const auto first = kith_ok({"checkpoint", "set", "--json"}).json();
  EXPECT_GT(first["sequence"].get<int>(), 0) << first;
  EXPECT_GT(first["bytes"].get<int>(), 500 * 12 * 4) << first;
  EXPECT_GT(first["written"].get<int>(), 0) << first;
  EXPECT_GE(first["seconds"].get<double>(), 0) << first;
  EXPECT_TRUE(stdfs::exists(data_ + "/checkpoints/1/MANIFEST"));
  const std::string said = kith_ok({"checkpoint", "set"}).out;
  EXPECT_NE(said.find("collection 'set': checkpoint of "), std::string::npos) << said;
  EXPECT_EQ(kith({"checkpoint", "nowhere"}).code, 3);
  const auto info = kith_ok({"info", "set", "--json"}).json();
  EXPECT_EQ(info["fields"][0]["exact_scan"], false) << info;
  EXPECT_FALSE(info["fields"][0].contains("rebuilding")) << info;
}

TEST(CliInfo, shows_a_field_that_is_answered_by_exact_scan_slow) {
  const TempDir home;
  const std::string data = home / "data", base = home / "base.fvecs";
  write_bytes(base, fvecs_bytes(clustered_vectors(70'000, 8, 10, 3)));
  const KithRun loaded =
      run_kith(home, {"load", "set", base, "--create", "--index", "hnsw", "--option", "m=4", "--option",
                      "ef_construction=16", "--option", "pending_max=20000", "--durability", "async",
                      "--no-settle", "--quiet", "--dir", data});
  ASSERT_EQ(loaded.code, 0) << loaded.err;
  for (const auto& entry : stdfs::directory_iterator(data + "/checkpoints/1"))
    if (entry.path().string().find("-f0-") != std::string::npos)
      stdfs::resize_file(entry.path(), entry.file_size() - 1);

  const ServedDirectory server(data);
  const auto info = [&](bool json) {
    std::vector<std::string> arguments = {"info", "set", "--server", server.address()};
    if (json) arguments.push_back("--json");
    return run_kith(home, arguments);
  };
  const auto field = info(true).json()["fields"][0];
  EXPECT_EQ(field["exact_scan"], true) << field;
  ASSERT_TRUE(field.contains("rebuilding")) << field;
  EXPECT_EQ(field["rebuilding"]["rows_total"], 70'000) << field;
  EXPECT_LE(field["rebuilding"]["rows_done"].get<int>(), 70'000) << field;
  const std::string said = info(false).out;
  EXPECT_NE(said.find("set: field 'vector' is answered by exact scan; its index is being rebuilt: "),
            std::string::npos)
      << said;
  bool exact = true;
  for (int i = 0; i < 600 && exact; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    exact = info(true).json()["fields"][0]["exact_scan"];
  }
  EXPECT_FALSE(exact) << "the index was not rebuilt within a minute";
}

}  // namespace
}  // namespace kith::test
