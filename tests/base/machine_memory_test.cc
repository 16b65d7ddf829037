// Goal: the least of all limits on memory is found, and none is made up. Method: trees of files as Linux
// shows them; and this machine.
#include "base/machine_memory.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "tests/support/temp_dir.h"

namespace kith {
namespace {

class MachineMemory : public testing::Test {
 protected:
  void put(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(root_ / path).parent_path());
    test::write_bytes(root_ / path, text);
  }
  uint64_t bytes() const { return machine_memory_bytes(root_.path()); }
  test::TempDir root_;
};

TEST_F(MachineMemory, IsTheMachinesWhereNoGroupSaysLess) {
  EXPECT_EQ(bytes(), 0u) << "nothing can be told";
  put("proc/meminfo", "MemTotal:        2048 kB\nMemFree:          100 kB\n");
  EXPECT_EQ(bytes(), 2u << 20);
  put("proc/self/cgroup", "0::/\n");
  EXPECT_EQ(bytes(), 2u << 20);
  put("sys/fs/cgroup/memory.max", "max\n");
  EXPECT_EQ(bytes(), 2u << 20);
}

TEST_F(MachineMemory, IsTheLeastOfTheGroupsAbove) {
  put("proc/meminfo", "MemTotal:        2048 kB\n");
  put("proc/self/cgroup", "0::/a/b\n");
  put("sys/fs/cgroup/a/b/memory.max", "max\n");
  put("sys/fs/cgroup/a/memory.max", "1000000\n");
  EXPECT_EQ(bytes(), 1'000'000u);
  put("sys/fs/cgroup/a/b/memory.max", "900000\n");
  EXPECT_EQ(bytes(), 900'000u);
}

TEST_F(MachineMemory, OldGroupsCountToo) {
  put("proc/meminfo", "MemTotal:        2048 kB\n");
  put("proc/self/cgroup", "4:cpu,memory:/docker/x\n3:freezer:/docker/x\n");
  put("sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(bytes(), 2u << 20);
  put("sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes", "1048576\n");
  EXPECT_EQ(bytes(), 1u << 20);
}

TEST_F(MachineMemory, OfThisMachineIsSane) {
  const auto physical =
      static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  EXPECT_GT(machine_memory_bytes(), 1u << 20);
  EXPECT_LE(machine_memory_bytes(), physical + (physical >> 4));
}

}  // namespace
}  // namespace kith
