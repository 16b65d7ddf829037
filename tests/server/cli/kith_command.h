// Runs the real `kith` for the tests of this folder: arguments in; exit code, stdout and stderr out, kept
// apart.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/check.h"
#include "tests/support/child_process.h"
#include "tests/support/temp_dir.h"
#include "tests/support/vectors.h"

namespace kith::test {

struct KithRun {
  int code = -1;
  std::string out;
  std::string err;

  nlohmann::json json() const { return nlohmann::json::parse(out, nullptr, false); }
};

/// The binary of this build.
inline const std::string& kith_binary() {
  static const std::string path = find_executable("kith");
  CHECK(!path.empty());
  return path;
}

inline std::vector<std::string> kith_command_line(const std::vector<std::string>& arguments) {
  std::vector<std::string> all = {kith_binary()};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return all;
}

/// `home` holds the two output files meanwhile.
inline KithRun run_kith(const TempDir& home, const std::vector<std::string>& arguments,
                        const std::string& input = "") {
  const std::string out = home / "stdout.txt";
  const std::string err = home / "stderr.txt";
  std::vector<std::string> command = {"/bin/sh", "-c", "exec \"$0\" \"$@\" >\"$KITH_OUT\" 2>\"$KITH_ERR\""};
  const std::vector<std::string> line = kith_command_line(arguments);
  command.insert(command.end(), line.begin(), line.end());
  ChildOptions options;
  options.environment = {{"KITH_OUT", out}, {"KITH_ERR", err}};
  options.input = input;
  const ChildResult result = run_child(command, options, std::chrono::seconds(120));
  EXPECT_EQ(result.exit.signal, 0) << "kith was ended by a signal (or took too long)\n" << read_bytes(err);
  return {result.exit.code, read_bytes(out), read_bytes(err)};
}

/// A `kith serve` child on a free port of loopback, ended by SIGTERM with this object.
class ServedDirectory {
 public:
  explicit ServedDirectory(const std::string& directory, const std::vector<std::string>& more = {})
      : child_(command_line(directory, more)) {
    const std::string marker = " on 127.0.0.1:";
    EXPECT_TRUE(child_.wait_for_output(marker, std::chrono::seconds(60))) << child_.output();
    // The line ends after the port.
    EXPECT_TRUE(child_.wait_for_output("\n", std::chrono::seconds(5)));
    const std::string& output = child_.output();
    const size_t at = output.find(marker);
    if (at != std::string::npos) {
      const size_t begin = at + marker.size();
      address_ = "127.0.0.1:" + output.substr(begin, output.find_first_not_of("0123456789", begin) - begin);
    }
  }
  ~ServedDirectory() { stop(); }
  ServedDirectory(const ServedDirectory&) = delete;
  ServedDirectory& operator=(const ServedDirectory&) = delete;

  const std::string& address() const { return address_; }
  void signal(int number) { child_.signal(number); }
  void stop() {
    if (stopped_) return;
    stopped_ = true;
    child_.signal(15);
    const auto end = child_.wait(std::chrono::seconds(30));
    EXPECT_TRUE(end && end->code == 0) << "kith serve did not end by itself\n" << child_.output();
  }

 private:
  static std::vector<std::string> command_line(const std::string& directory,
                                               const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"serve", "--dir", directory, "--port", "0"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return kith_command_line(arguments);
  }

  ChildProcess child_;
  std::string address_;
  bool stopped_ = false;
};

inline std::string fvecs_bytes(const Vectors& vectors) {
  std::string bytes;
  for (size_t i = 0; i < vectors.rows; ++i) {
    bytes.append(reinterpret_cast<const char*>(&vectors.dim), sizeof vectors.dim);
    bytes.append(reinterpret_cast<const char*>(vectors.row(i)), vectors.dim * sizeof(float));
  }
  return bytes;
}

inline void append_plus(std::vector<std::string>& to, const std::vector<std::string>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

/// A test run twice: on a directory, and through a server on it.
class CliBothWays : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (std::string(GetParam()) == "server") server_ = std::make_unique<ServedDirectory>(data_);
  }

  std::vector<std::string> target() const {
    if (server_ != nullptr) return {"--server", server_->address()};
    return {"--dir", data_};
  }
  KithRun kith(std::vector<std::string> arguments, const std::string& input = "") {
    append_plus(arguments, target());
    return run_kith(home_, arguments, input);
  }
  /// The same, and must succeed.
  KithRun kith_ok(const std::vector<std::string>& arguments) {
    KithRun run = kith(arguments);
    EXPECT_EQ(run.code, 0) << testing::PrintToString(arguments) << "\n" << run.err;
    return run;
  }
  std::string file(const std::string& name, std::string_view bytes) {
    write_bytes(home_ / name, bytes);
    return home_ / name;
  }
  uint64_t points(const std::string& collection) {
    const auto info = kith_ok({"info", collection, "--json"}).json();
    return info.is_object() ? info.value("points", uint64_t{0}) : 0;
  }

  TempDir home_;
  const std::string data_ = home_ / "data";
  std::unique_ptr<ServedDirectory> server_;
};

}  // namespace kith::test
