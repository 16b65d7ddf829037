// Goal: no sequence of calls, crashes and restarts makes a database answer otherwise than a std::map would,
// lose what it promised to keep, or fail to open. Method: random bytes as sequences (api_sequence.h); the
// bytes of one that fails are printed. KITH_SEQUENCES: how many; KITH_SEED repeats them.
#include "tests/crash/api_sequence.h"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "base/random.h"
#include "tests/support/seed.h"

namespace kith {
namespace {

#ifdef KITH_SANITIZED
constexpr uint64_t kSequences = 300;
#else
constexpr uint64_t kSequences = 6'000;
#endif

std::vector<uint8_t> random_bytes(uint64_t seed) {
  Random random(seed);
  std::vector<uint8_t> bytes(50 + random.below(300));
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random.next());
  return bytes;
}

TEST(ApiSequence, RandomOnesAreAnsweredAsByAMap) {
  set_log_options({LogLevel::kError, false});
  const uint64_t seed = test::test_seed();
  const uint64_t sequences = test::from_environment("KITH_SEQUENCES", kSequences);
  crash::SequenceCounts total;
  for (uint64_t i = 0; i < sequences; ++i) {
    const std::vector<uint8_t> bytes = random_bytes(mix64(seed) + i);
    const std::string problem = crash::run_sequence(bytes, total);
    ASSERT_EQ(problem, "") << "KITH_SEED=" << seed << ", sequence " << i << ": "
                           << testing::PrintToString(bytes);
  }
  std::printf(
      "%llu sequences: %llu calls, %llu batches, %llu hits, %llu checkpoints, %llu restarts, %llu crashes "
      "that took %llu batches\n",
      static_cast<unsigned long long>(sequences), static_cast<unsigned long long>(total.calls),
      static_cast<unsigned long long>(total.batches), static_cast<unsigned long long>(total.hits),
      static_cast<unsigned long long>(total.checkpoints), static_cast<unsigned long long>(total.restarts),
      static_cast<unsigned long long>(total.crashes), static_cast<unsigned long long>(total.lost_batches));
  for (const uint64_t met : {total.hits, total.checkpoints, total.crashes, total.lost_batches})
    EXPECT_GT(met, sequences / 10);
}

}  // namespace
}  // namespace kith
