// Goal: a backup made through the command line restores to the same collections, is checked and listed; what
// was deleted is gone after a compact; damage is found and seen to; a server writes below its backup root
// alone. Method: the real binary, on a directory and through a server; exported bytes are compared.
#include <fmt/format.h>

#include <filesystem>

#include "base/random.h"
#include "tests/server/cli/kith_command.h"
#include "tests/support/canaries.h"

namespace kith::test {
namespace {

namespace stdfs = std::filesystem;

class CliKeep : public CliBothWays {
 protected:
  void SetUp() override {
    if (std::string(GetParam()) == "server")
      server_ = std::make_unique<ServedDirectory>(data_, std::vector<std::string>{"--backup-root", root_});
  }
  /// What --to is here, and where that lies.
  std::string to() const { return server_ != nullptr ? "nightly" : place(); }
  std::string place() const { return root_ + "/nightly"; }
  std::string exported(const std::string& directory) {
    const std::string path = home_ / "export.jsonl";
    const KithRun run = run_kith(home_, {"export", "books", path, "--force", "--dir", directory});
    EXPECT_EQ(run.code, 0) << run.err;
    return read_bytes(path);
  }
  std::string exported_now() {
    const std::string path = home_ / "now.jsonl";
    kith_ok({"export", "books", path, "--force"});
    return read_bytes(path);
  }
  KithRun offline(const std::vector<std::string>& arguments) { return run_kith(home_, arguments); }
  void load(uint64_t rows, uint64_t id_start = 0) {
    const std::string base = file("base.fvecs", fvecs_bytes(clustered_vectors(rows, 48, 5, 3)));
    std::string lines;
    for (uint64_t i = 0; i < rows; ++i)
      lines += fmt::format("{{\"canary\": \"{:016x}\"}}\n", mix64(id_start + i));
    kith_ok({"load", "books", base, "--create", "--index", "hnsw", "--attributes", file("a.jsonl", lines),
             "--id-start", std::to_string(id_start)});
  }

  const std::string root_ = home_ / "root";
};
INSTANTIATE_TEST_SUITE_P(Cli, CliKeep, testing::Values("dir", "server"),
                         [](const auto& test) { return test.param; });

TEST_P(CliKeep, backups_restore_to_what_they_were) {
  load(300);
  const std::string first = exported_now();
  const auto made = kith_ok({"backup", "--to", to(), "--json"}).json();
  EXPECT_EQ(made["number"], 1) << made;
  ASSERT_EQ(made["collections"].size(), 1u) << made;
  EXPECT_EQ(made["collections"][0]["collection"], "books");
  EXPECT_EQ(made["collections"][0]["points"], 300);
  EXPECT_GT(made["files"].get<int>(), 3);
  EXPECT_LE(made["copied_bytes"].get<uint64_t>(), made["bytes"].get<uint64_t>());
  kith_ok({"delete", "books", "--id", "7", "--id", "8"});
  const std::string second = exported_now();
  const std::string said = kith_ok({"backup", "--to", to()}).out;
  EXPECT_NE(said.find("backup 2: "), std::string::npos) << said;
  EXPECT_NE(said.find("holds books (298 points)"), std::string::npos) << said;

  std::vector<std::string> list = {"backup", "--list", "--to", to(), "--json"};
  if (server_ != nullptr) append_plus(list, target());
  const auto listed = offline(list).json();
  ASSERT_EQ(listed["backups"].size(), 2u) << listed;
  EXPECT_EQ(listed["backups"][0]["time"], made["time"]);
  EXPECT_EQ(listed["backups"][1]["collections"][0]["points"], 298);
  const KithRun table = offline({"backup", "--list", "--to", place()});
  EXPECT_NE(table.out.find("books (300 points)"), std::string::npos) << table.out;

  const auto checked = offline({"verify", "--backup", place() + "/1", "--json"});
  EXPECT_EQ(checked.code, 0) << checked.err;
  EXPECT_EQ(checked.json()["whole"], true) << checked.out;
  const auto restored = offline({"restore", "--from", place() + "/1", "--to", home_ / "one", "--json"});
  EXPECT_EQ(restored.code, 0) << restored.err;
  EXPECT_EQ(restored.json()["points"], 300) << restored.out;
  EXPECT_EQ(offline({"restore", "--from", place(), "--to", home_ / "two"}).code, 0);
  EXPECT_EQ(exported(home_ / "one"), first);
  EXPECT_EQ(exported(home_ / "two"), second);
  EXPECT_EQ(offline({"restore", "--from", place(), "--to", home_ / "one"}).code, 7);
  EXPECT_EQ(offline({"restore", "--from", home_ / "none", "--to", home_ / "three"}).code, 3);

  stdfs::path damaged;
  for (const auto& entry : stdfs::directory_iterator(place() + "/1/store"))
    if (entry.path().extension() == ".blob") damaged = entry.path();
  ASSERT_FALSE(damaged.empty());
  std::string bytes = read_bytes(damaged);
  bytes[bytes.size() / 2] ^= 1;
  stdfs::remove(damaged);  // a link to the data it may be
  write_bytes(damaged, bytes);
  const KithRun found = offline({"verify", "--backup", place() + "/1"});
  EXPECT_EQ(found.code, 4);
  EXPECT_NE(found.out.find(damaged.filename().string() + ": wrong checksum"), std::string::npos) << found.out;
  EXPECT_EQ(offline({"restore", "--from", place() + "/1", "--to", home_ / "three"}).code, 4);
  EXPECT_FALSE(stdfs::exists(home_ / "three"));
  EXPECT_EQ(offline({"verify", "--backup", place() + "/2"}).code, 0);
}

TEST_P(CliKeep, compact_takes_what_was_deleted_out_of_every_file) {
  load(400);
  Canaries canaries;
  std::string ids;
  for (uint64_t i = 0; i < 200; ++i) {
    canaries.add(fmt::format("{:016x}", mix64(i)));
    ids += std::to_string(i) + "\n";
  }
  kith_ok({"checkpoint", "books"});
  kith_ok({"delete", "books", "--ids-file", file("ids.txt", ids)});
  EXPECT_GT(canaries.found_in(data_).size(), 20u);
  const auto receipt = kith_ok({"compact", "books", "--json"}).json();
  EXPECT_EQ(receipt["points_removed"], 200) << receipt;
  EXPECT_GT(receipt["sequence"].get<int>(), 1) << receipt;
  EXPECT_GT(receipt["bytes_before"].get<int>(), 0) << receipt;
  EXPECT_EQ(canaries.found_in(data_).size(), 0u);
  EXPECT_EQ(points("books"), 200u);
  const std::string said = kith_ok({"compact", "books"}).out;
  EXPECT_NE(said.find("; 0 points since the last time;"), std::string::npos) << said;
  EXPECT_EQ(kith({"compact", "nowhere"}).code, 3);
  EXPECT_EQ(kith_ok({"verify", "--json"}).json()["whole"], true);
}

TEST_P(CliKeep, repair_is_for_directories_that_nobody_has_open) {
  load(300);
  kith_ok({"checkpoint", "books"});
  if (server_ != nullptr) {
    const KithRun held = offline({"repair", data_});
    EXPECT_EQ(held.code, 7) << held.err;
    server_->stop();
  }
  for (const auto& entry : stdfs::directory_iterator(data_ + "/checkpoints/1"))
    if (entry.path().string().find("-f0-main") != std::string::npos)
      stdfs::resize_file(entry.path(), entry.file_size() - 1);
  const auto repaired = offline({"repair", data_, "--json"});
  EXPECT_EQ(repaired.code, 0) << repaired.out << repaired.err;
  EXPECT_EQ(repaired.json()["dropped"].size(), 1u) << repaired.out;
  EXPECT_EQ(offline({"repair", data_}).code, 0);

  const std::string before = exported(data_);
  for (const auto& entry : stdfs::directory_iterator(data_ + "/store"))
    if (entry.path().filename().string().starts_with("MANIFEST")) stdfs::remove(entry.path());
  EXPECT_EQ(offline({"repair", data_}).code, 4);
  const KithRun saved = offline({"repair", data_, "--to", home_ / "saved", "--json"});
  EXPECT_EQ(saved.code, 4) << "the MANIFEST was gone: " << saved.out << saved.err;
  EXPECT_EQ(saved.json()["collections"][0]["points"], 300) << saved.out;
  EXPECT_EQ(exported(home_ / "saved"), before);
}

TEST(CliServe, makes_no_backups_without_a_root) {
  const TempDir home;
  const ServedDirectory server(home / "data");
  const KithRun run = run_kith(home, {"backup", "--to", "x", "--server", server.address()});
  EXPECT_EQ(run.code, 7) << run.out;
  EXPECT_NE(run.err.find("--backup-root"), std::string::npos) << run.err;
}

TEST(CliServe, makes_backups_below_its_root_alone) {
  const TempDir home;
  const ServedDirectory server(home / "data", {"--backup-root", home / "root"});
  for (const char* to : {"../x", "/tmp/x", "a/b", ".", "..", ".hidden", "-x", "5", "a b"}) {
    const KithRun run = run_kith(home, {"backup", "--server", server.address(), std::string("--to=") + to});
    EXPECT_EQ(run.code, 2) << to << run.out << run.err;
  }
  EXPECT_FALSE(stdfs::exists(home / "root"));
  EXPECT_EQ(run_kith(home, {"backup", "--server", server.address()}).code, 0);
  EXPECT_TRUE(stdfs::exists(home / "root/1/BACKUP"));
}

}  // namespace
}  // namespace kith::test
