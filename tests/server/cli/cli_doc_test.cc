// Goal: docs/cli.md and docs/operations.md tell the truth. Method: their blocks marked `sh test` are run, in
// order, by a shell that stops at the first failure, in one fresh directory with `kith` on PATH; the table of
// exit codes is compared with the code's.
#include <filesystem>

#include "server/cli/exit_code.h"
#include "tests/server/cli/kith_command.h"

namespace kith::test {
namespace {

std::string doc(const std::string& name = "cli.md") {
  const std::filesystem::path here = __FILE__;
  return read_bytes((here.parent_path() / "../../../docs" / name).string());
}

std::vector<std::string> test_blocks(const std::string& text) {
  const std::string begin_mark = "\n```sh test\n";
  std::vector<std::string> blocks;
  for (size_t at = text.find(begin_mark); at != std::string::npos; at = text.find(begin_mark, at)) {
    at += begin_mark.size();
    const size_t end = text.find("\n```", at);
    blocks.push_back(text.substr(at, end - at) + "\n");
  }
  return blocks;
}

class CliDocCommands : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Cli, CliDocCommands, testing::Values("cli", "operations"),
                         [](const auto& test) { return test.param; });

TEST_P(CliDocCommands, run) {
  const TempDir home;
  const std::vector<std::string> blocks = test_blocks(doc(std::string(GetParam()) + ".md"));
  ASSERT_GE(blocks.size(), 3u);
  const std::string path =
      std::filesystem::path(kith_binary()).parent_path().string() + ":" + std::getenv("PATH");
  for (const std::string& block : blocks) {
    ChildOptions options;
    options.directory = home.path();
    options.environment = {{"PATH", path}};
    const ChildResult run = run_child({"/bin/sh", "-c", "set -eu\n" + block}, options);
    EXPECT_EQ(run.exit.code, 0) << block << "---\n" << run.output;
  }
}

TEST(CliDoc, lists_every_exit_code) {
  const std::string text = doc();
  size_t rows = 0;
  for (const ExitCodeRow& row : exit_codes()) {
    const std::string line =
        fmt::format("\n| {} | {} | {} |\n", static_cast<int>(row.code), row.name, row.meaning);
    EXPECT_NE(text.find(line), std::string::npos) << "docs/cli.md lacks" << line;
    ++rows;
  }
  const std::string table = text.substr(text.find("## Exit codes"));
  EXPECT_EQ(static_cast<size_t>(std::count(table.begin(), table.end(), '\n')), rows + 4)
      << "the table has other rows";
}

TEST(CliDoc, lists_every_command) {
  const TempDir home;
  const std::string text = doc();
  for (const char* command :
       {"serve", "create",  "load",   "search",  "recommend", "count",      "scroll",  "facet",
        "info",  "delete",  "update", "export",  "verify",    "checkpoint", "limit",   "calibrate",
        "tune",  "compact", "backup", "restore", "repair",    "bench",      "datasets"})
    EXPECT_NE(text.find("| `kith " + std::string(command)), std::string::npos) << command;
}

}  // namespace
}  // namespace kith::test
