// Seeds and sizes of randomised tests, so that a run can be repeated and lengthened from outside. Every
// failure says the seed: `KITH_SEED=<it>` in the environment repeats the run.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>

namespace kith::test {

/// A number from the environment.
inline uint64_t from_environment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

/// KITH_SEED, or another one each time.
inline uint64_t test_seed() {
  return from_environment("KITH_SEED", std::random_device{}());
}

}  // namespace kith::test
