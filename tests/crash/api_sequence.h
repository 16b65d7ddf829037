// Any bytes are a sequence of calls of the public API, with crashes, restarts and a clock among them; every
// answer is compared with a model that is a std::map. What libFuzzer mutates (tests/fuzz/api_fuzz.cc) and
// what random bytes drive (api_sequence_test.cc) is the same, and replays from its bytes alone.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace kith::crash {

/// What the calls of all sequences came to: a test that did nothing shows nothing.
struct SequenceCounts {
  uint64_t calls = 0;
  uint64_t batches = 0;
  uint64_t hits = 0;
  uint64_t checkpoints = 0;
  uint64_t restarts = 0;
  uint64_t crashes = 0;
  uint64_t lost_batches = 0;  // in crashes
};

/// Empty when every answer was right.
std::string run_sequence(std::span<const uint8_t> bytes, SequenceCounts& counts);

}  // namespace kith::crash
