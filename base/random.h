// Random: a seeded generator, equal on every machine for equal seeds, so that a failing run is replayed from
// one number. xoshiro256++ (Blackman and Vigna, "Scrambled Linear Pseudorandom Number Generators", TOMS
// 2021), its state filled by splitmix64. Not for secrets. Not synchronised: one per thread.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "base/check.h"

namespace kith {

/// One step of splitmix64: a good mixer of 64 bits, also used to derive seeds.
constexpr uint64_t mix64(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

class Random {
 public:
  using result_type = uint64_t;  // a UniformRandomBitGenerator: std::shuffle takes it

  explicit constexpr Random(uint64_t seed) {
    for (uint64_t i = 0; i < 4; ++i) state_[i] = mix64(seed + i * 0x9e3779b97f4a7c15u);
  }

  static constexpr uint64_t min() { return 0; }
  static constexpr uint64_t max() { return ~uint64_t{0}; }
  constexpr uint64_t operator()() { return next(); }

  /// 64 random bits.
  constexpr uint64_t next() {
    const uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
    const uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  /// Uniform in [0, n), n ≥ 1, without bias (Lemire, "Fast Random Integer Generation in an Interval", TOMACS
  /// 2019).
  uint64_t below(uint64_t n) {
    DCHECK(n > 0);
    auto product = static_cast<unsigned __int128>(next()) * n;
    if (static_cast<uint64_t>(product) < n) {
      const uint64_t threshold = (0 - n) % n;
      while (static_cast<uint64_t>(product) < threshold) product = static_cast<unsigned __int128>(next()) * n;
    }
    return static_cast<uint64_t>(product >> 64);
  }

  /// Uniform in [0, 1), 53 bits.
  double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

  /// Standard normal (Box and Muller 1958; one of the pair is dropped, so that a draw has no hidden state).
  double normal() {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
    return radius * std::cos(2.0 * std::numbers::pi * uniform());
  }

 private:
  uint64_t state_[4] = {};
};

}  // namespace kith
