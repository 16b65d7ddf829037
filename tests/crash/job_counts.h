// JobCounts: what a job that breaks things on purpose found, left as properties of its test, so that
// `./dev bench recovery` finds the counts in what --gtest_output=json writes (bench/recovery/jobs.h).
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

namespace kith::crash {

struct JobCounts {
  std::atomic<uint64_t> points{0};
  std::atomic<uint64_t> lost_acknowledged{0};  // or come back, or half there
  std::atomic<uint64_t> silently_wrong{0};     // answers, or what `verify` finds
  std::atomic<uint64_t> failed_opens{0};

  /// Counts one problem as what its words say.
  void add(std::string_view problem) {
    const auto says = [&](std::string_view word) { return problem.find(word) != std::string_view::npos; };
    ++(says("FAILED OPEN")                ? failed_opens
       : says("verify") || says("search") ? silently_wrong
                                          : lost_acknowledged);
  }

  /// Of the test that runs.
  void record(const std::string& job) const {
    const auto record = [&](const char* figure, uint64_t value) {
      testing::Test::RecordProperty("job." + job + "." + figure, std::to_string(value));
    };
    record("points", points);
    record("lost_acknowledged", lost_acknowledged);
    record("silently_wrong", silently_wrong);
    record("failed_opens", failed_opens);
  }
};

}  // namespace kith::crash
