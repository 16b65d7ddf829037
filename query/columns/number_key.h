// Keys of 64 bits whose order is that of what they stand for.
#pragma once

#include <bit>
#include <cstdint>

#include "query/filter/filter.h"
#include "query/filter/number.h"

namespace kith {

/// Of a finite double; -0 is 0.
inline uint64_t key_of(double real) {
  constexpr uint64_t kSign = uint64_t{1} << 63;
  const auto bits = std::bit_cast<uint64_t>(real + 0.0);
  return (bits & kSign) != 0 ? ~bits : bits | kSign;
}

/// The double of a key.
inline double real_of(uint64_t key) {
  constexpr uint64_t kSign = uint64_t{1} << 63;
  return std::bit_cast<double>((key & kSign) != 0 ? key & ~kSign : ~key);
}

inline uint64_t key_of(Moment moment) {
  return static_cast<uint64_t>(moment.ns) ^ uint64_t { 1 } << 63;
}

inline Moment moment_of(uint64_t key) {
  return {static_cast<int64_t>(key ^ uint64_t{1} << 63)};
}

/// A number is known by the key of its nearest double: less or greater keys are less or greater numbers, and
/// equal keys say nothing where one of the two is `rounded`.
struct NumberKey {
  uint64_t key;
  bool rounded;  // no double has this value

  static NumberKey of(const FilterNumber& number) {
    const double nearest = to_double(number);
    return {key_of(nearest), compare_numbers(number, nearest) != 0};
  }
};

}  // namespace kith
