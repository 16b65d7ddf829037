// Goal: a child's lines come one by one, its end is seen, and it is gone with its object. Method: sh.
#include "bench/harness/child_process.h"

#include <gtest/gtest.h>
#include <signal.h>

namespace kith::bench {
namespace {

constexpr std::chrono::seconds kPatience{20};

TEST(BenchChildProcess, ReadsLinesAndSeesTheEnd) {
  auto child = ChildProcess::start({"/bin/sh", "-c", "echo one; echo two; printf three; exit 3"});
  ASSERT_TRUE(child.ok()) << child.error().message;
  EXPECT_EQ(*(*child)->read_line(kPatience), "one");
  EXPECT_EQ(*(*child)->read_line(kPatience), "two");
  const auto cut = (*child)->read_line(kPatience);
  ASSERT_FALSE(cut.ok());
  EXPECT_NE(cut.error().message.find("three"), std::string::npos) << cut.error().message;
  EXPECT_TRUE((*child)->wait(kPatience));
  EXPECT_EQ((*child)->exit_code(), 3);
}

TEST(BenchChildProcess, EndsBySignal) {
  auto child = ChildProcess::start({"/bin/sh", "-c", "echo up; exec sleep 600"});
  ASSERT_TRUE(child.ok()) << child.error().message;
  EXPECT_EQ(*(*child)->read_line(kPatience), "up");
  EXPECT_FALSE((*child)->wait(std::chrono::milliseconds(20)));
  EXPECT_TRUE((*child)->running());
  (*child)->signal(SIGKILL);
  EXPECT_TRUE((*child)->wait(kPatience));
  EXPECT_EQ((*child)->exit_code(), -1);
}

TEST(BenchChildProcess, SaysWhatCannotBeStarted) {
  const auto child = ChildProcess::start({"/nowhere/at-all"});
  ASSERT_FALSE(child.ok());
  EXPECT_EQ(child.error().code, Code::kNotFound);
  EXPECT_NE(child.error().message.find("/nowhere/at-all"), std::string::npos) << child.error().message;
}

}  // namespace
}  // namespace kith::bench
