// Numbers of filters and payloads compared by value, exactly: 2^53 + 1 is more than the double 2^53, whatever
// holds either.
#pragma once

#include <cmath>
#include <compare>
#include <cstdint>
#include <limits>
#include <string>

#include "query/filter/filter.h"

namespace kith {

namespace number_internal {

inline constexpr double kTwo63 = 0x1p63;
inline constexpr double kTwo64 = 0x1p64;

// A whole number W against a double: beyond W's bounds the double decides, within them its whole part is
// exact in W, and what is left of it is the fraction.
template <typename W>
std::weak_ordering compare_whole(W whole, double real) {
  constexpr double kEnd = std::numeric_limits<W>::is_signed ? kTwo63 : kTwo64;
  constexpr double kBegin = std::numeric_limits<W>::is_signed ? -kTwo63 : 0;
  if (real >= kEnd) return std::weak_ordering::less;
  if (real < kBegin) return std::weak_ordering::greater;
  const W truncated = static_cast<W>(real);
  if (whole != truncated) return whole <=> truncated;
  const double fraction = real - std::trunc(real);
  if (fraction == 0) return std::weak_ordering::equivalent;
  return fraction > 0 ? std::weak_ordering::less : std::weak_ordering::greater;
}

inline std::weak_ordering compare(int64_t a, int64_t b) {
  return a <=> b;
}
inline std::weak_ordering compare(uint64_t a, uint64_t b) {
  return a <=> b;
}
inline std::weak_ordering compare(int64_t a, uint64_t b) {
  return a < 0 ? std::weak_ordering::less : compare(static_cast<uint64_t>(a), b);
}
inline std::weak_ordering compare(uint64_t a, int64_t b) {
  return 0 <=> compare(b, a);
}
inline std::weak_ordering compare(double a, double b) {
  if (a < b) return std::weak_ordering::less;
  return a > b ? std::weak_ordering::greater : std::weak_ordering::equivalent;
}
inline std::weak_ordering compare(int64_t a, double b) {
  return compare_whole(a, b);
}
inline std::weak_ordering compare(uint64_t a, double b) {
  return compare_whole(a, b);
}
inline std::weak_ordering compare(double a, int64_t b) {
  return 0 <=> compare_whole(b, a);
}
inline std::weak_ordering compare(double a, uint64_t b) {
  return 0 <=> compare_whole(b, a);
}

}  // namespace number_internal

/// By value; doubles are finite, and -0 equals 0.
inline std::weak_ordering compare_numbers(const FilterNumber& a, const FilterNumber& b) {
  return std::visit([](auto x, auto y) { return number_internal::compare(x, y); }, a, b);
}

/// The one form of a value: int64_t where that holds it, else uint64_t where that does, else double.
inline FilterNumber normal_number(const FilterNumber& number) {
  using namespace number_internal;
  if (const auto* large = std::get_if<uint64_t>(&number))
    return *large <= uint64_t{std::numeric_limits<int64_t>::max()}
               ? FilterNumber(static_cast<int64_t>(*large))
               : number;
  const auto* real = std::get_if<double>(&number);
  if (real == nullptr || *real != std::trunc(*real)) return number;
  if (*real >= -kTwo63 && *real < kTwo63) return static_cast<int64_t>(*real);
  if (*real >= 0 && *real < kTwo64) return static_cast<uint64_t>(*real);
  return number;
}

/// The nearest double.
inline double to_double(const FilterNumber& number) {
  return std::visit([](auto value) { return static_cast<double>(value); }, number);
}

inline bool is_finite(const FilterNumber& number) {
  const auto* real = std::get_if<double>(&number);
  return real == nullptr || std::isfinite(*real);
}

/// The shortest decimal that reads back as the same value; also valid JSON.
std::string to_text(const FilterNumber& number);

}  // namespace kith
