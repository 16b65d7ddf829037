// The float loops of RaBitQ, written once over a level's vector type (float_loops.h). Internal linkage, see
// index/distance/kernels.h.
#pragma once

#include "index/codes/float_loops.h"
#include "index/codes/rabitq_kernels.h"

namespace kith::kernels {
namespace {

inline uint32_t power_of_two_in(uint32_t dim) {
  return 1u << (31 - __builtin_clz(dim));
}

/// Butterflies of registers h, 2h … apart. h is a template argument so that the loops unroll and r stays in
/// registers.
template <typename V, int h, int kRegisters>
inline void stages_between_registers(typename V::Vec* r) {
  for (int i = 0; i < kRegisters; i += 2 * h) {
    for (int j = i; j < i + h; ++j) {
      const auto a = r[j], b = r[j + h];
      r[j] = V::add(a, b);
      r[j + h] = V::sub(a, b);
    }
  }
  if constexpr (2 * h < kRegisters) stages_between_registers<V, 2 * h, kRegisters>(r);
}

/// Stages 1 up to half the elements of kRegisters registers, which they do not leave; of x times factors, if
/// any.
template <typename V, int kRegisters>
inline void hadamard_in_registers(float* x, const float* factors) {
  typename V::Vec r[kRegisters];
  for (int i = 0; i < kRegisters; ++i) {
    r[i] = V::load(x + i * V::kLanes);
    if (factors != nullptr) r[i] = V::mul(r[i], V::load(factors + i * V::kLanes));
    if constexpr (V::kLanes > 1) r[i] = V::template partner<1>(r[i]);
    if constexpr (V::kLanes > 2) r[i] = V::template partner<2>(r[i]);
    if constexpr (V::kLanes > 4) r[i] = V::template partner<4>(r[i]);
    if constexpr (V::kLanes > 8) r[i] = V::template partner<8>(r[i]);
  }
  stages_between_registers<V, 1, kRegisters>(r);
  for (int i = 0; i < kRegisters; ++i) V::store(x + i * V::kLanes, r[i]);
}

/// Stages h and 2h over x[0, n).
template <typename V>
inline void hadamard_pass_of_4(float* x, uint32_t n, uint32_t h) {
  for (uint32_t i = 0; i < n; i += 4 * h) {
    float *a = x + i, *b = a + h, *c = b + h, *d = c + h;
    for (uint32_t j = 0; j < h; j += V::kLanes) {
      const auto va = V::load(a + j), vb = V::load(b + j), vc = V::load(c + j), vd = V::load(d + j);
      const auto ab = V::add(va, vb), a_b = V::sub(va, vb), cd = V::add(vc, vd), c_d = V::sub(vc, vd);
      V::store(a + j, V::add(ab, cd));
      V::store(b + j, V::add(a_b, c_d));
      V::store(c + j, V::sub(ab, cd));
      V::store(d + j, V::sub(a_b, c_d));
    }
  }
}

/// (a, b) becomes (a + b, a - b) for halves of n elements each.
template <typename V>
inline void butterfly(float* a, float* b, uint32_t n) {
  for (uint32_t j = 0; j < n; j += V::kLanes) {
    const auto va = V::load(a + j), vb = V::load(b + j);
    V::store(a + j, V::add(va, vb));
    V::store(b + j, V::sub(va, vb));
  }
}

/// Walsh–Hadamard without scale over x[0, n) times factors, if any; n a power of two, 64 or more.
template <typename V>
inline void hadamard(float* x, const float* factors, uint32_t n) {
  uint32_t h = 8 * V::kLanes;
  if (h <= n) {
    for (uint32_t i = 0; i < n; i += h)
      hadamard_in_registers<V, 8>(x + i, factors != nullptr ? factors + i : nullptr);
  } else {
    h = 64;
    hadamard_in_registers < V, 64 / V::kLanes<8 ? 64 / V::kLanes : 8>(x, factors);
  }
  for (; 4 * h <= n; h *= 4) hadamard_pass_of_4<V>(x, n, h);
  if (h < n) butterfly<V>(x, x + h, h);
}

/// Over the powers of two that add up to dim, the largest first in even rounds, last in odd ones.
template <typename V>
inline void hadamard_blocks(float* x, const float* factors, uint32_t dim, uint32_t round) {
  for (uint32_t left = dim, block; left != 0; left -= block) {
    block = power_of_two_in(left);
    const uint32_t first = round % 2 == 0 ? dim - left : left - block;
    hadamard<V>(x + first, factors != nullptr ? factors + first : nullptr, block);
  }
}

template <typename V>
inline void multiply(float* x, const float* factors, uint32_t dim) {
  for (uint32_t i = 0; i < dim; i += V::kLanes) V::store(x + i, V::mul(V::load(x + i), V::load(factors + i)));
}

template <typename V>
void rotate(const float* factors, uint32_t dim, float* x) {
  for (uint32_t round = 0; round < kRotationRounds; ++round) {
    hadamard_blocks<V>(x, factors + static_cast<size_t>(round) * dim, dim, round);
    if (power_of_two_in(dim) != dim) butterfly<V>(x, x + dim / 2, dim / 2);
  }
}

/// Each step is its own transpose, and orthogonal with its part of the factors: so backwards.
template <typename V>
void unrotate(const float* factors, uint32_t dim, float* x) {
  for (uint32_t round = kRotationRounds; round-- > 0;) {
    if (power_of_two_in(dim) != dim) butterfly<V>(x, x + dim / 2, dim / 2);
    hadamard_blocks<V>(x, nullptr, dim, round);
    multiply<V>(x, factors + static_cast<size_t>(round) * dim, dim);
  }
}

/// Four sums, so that additions do not wait for each other.
template <typename V>
float norm(const float* x, uint32_t dim, float* largest) {
  typename V::Vec sums[4] = {V::set1(0), V::set1(0), V::set1(0), V::set1(0)};
  auto top = V::set1(0);
  for (uint32_t i = 0; i < dim; i += 4 * V::kLanes) {
    for (uint32_t u = 0; u < 4; ++u) {
      const auto v = V::load(x + i + u * V::kLanes);
      sums[u] = V::add(sums[u], V::mul(v, v));
      top = V::max(top, V::abs(v));
    }
  }
  *largest = V::largest(top);
  return V::sum(V::add(V::add(sums[0], sums[1]), V::add(sums[2], sums[3])));
}

template <typename V>
RabitqSums trial(const float* x, uint32_t dim, float factor, float top) {
  typename V::Vec dots[2] = {V::set1(0), V::set1(0)}, norms[2] = {V::set1(0), V::set1(0)};
  const auto f = V::set1(factor), limit = V::set1(top), half = V::set1(0.5f);
  for (uint32_t i = 0; i < dim; i += 2 * V::kLanes) {
    for (uint32_t u = 0; u < 2; ++u) {
      const auto v = V::abs(V::load(x + i + u * V::kLanes));
      const auto value = V::min(V::add(V::trunc(V::mul(v, f)), half), limit);
      dots[u] = V::add(dots[u], V::mul(value, v));
      norms[u] = V::add(norms[u], V::mul(value, value));
    }
  }
  return {V::sum(V::add(dots[0], dots[1])), V::sum(V::add(norms[0], norms[1]))};
}

template <typename V>
RabitqSums quantise(const float* x, uint32_t dim, float factor, float top, uint8_t* out) {
  auto dots = V::set1(0), norms = V::set1(0);
  const auto f = V::set1(factor), zero = V::set1(0), middle = V::set1(top + 0.5f);
  const auto last = V::set1(2 * top), centre = V::set1(top);
  for (uint32_t i = 0; i < dim; i += V::kLanes) {
    const auto v = V::load(x + i);
    const auto code = V::min(V::max(V::add(V::floor(V::mul(v, f)), middle), zero), last);
    V::store_bytes(code, out + i);
    const auto value = V::sub(code, centre);
    dots = V::add(dots, V::mul(value, v));
    norms = V::add(norms, V::mul(value, value));
  }
  return {V::sum(dots), V::sum(norms)};
}

template <typename V>
int32_t round_to_bytes(const float* x, uint32_t dim, float factor, int8_t* out) {
  auto sums = V::set1(0);  // whole numbers far below 2^24 in every lane
  const auto f = V::set1(factor);
  for (uint32_t i = 0; i < dim; i += V::kLanes) {
    const auto rounded = V::round(V::mul(V::load(x + i), f));
    V::store_bytes(rounded, reinterpret_cast<uint8_t*>(out) + i);
    sums = V::add(sums, rounded);
  }
  return static_cast<int32_t>(V::sum(sums));
}

/// Sums wrap nowhere: 65,536 * 255² < 2^32.
inline StoredSums stored(const uint8_t* code, uint32_t bits, uint32_t dim, int8_t* out) {
  uint8_t* bytes = reinterpret_cast<uint8_t*>(out);
  unpack_codes(code, bits, dim, bytes);
  const int top = (1 << bits) - 1;
  int32_t sum = 0;
  uint32_t squares = 0, own = 0;
  if (bits < 8) {
    for (uint32_t i = 0; i < dim; ++i) {
      const int twice = 2 * bytes[i] - top;
      out[i] = static_cast<int8_t>(twice);
      sum += twice;
      squares += static_cast<uint32_t>(twice * twice);
    }
    return {sum, squares, squares};
  }
  for (uint32_t i = 0; i < dim; ++i) {
    const int twice = 2 * bytes[i] - top, moved = bytes[i] - 128 + static_cast<int>(i & 1);
    const int byte = moved < 127 ? moved : 127;
    out[i] = static_cast<int8_t>(byte);
    sum += byte;
    squares += static_cast<uint32_t>(twice * twice);
    own += static_cast<uint32_t>(twice * byte);
  }
  return {sum, squares, own};
}

template <typename V>
constexpr RabitqTable rabitq_loops() {
  return {{}, rotate<V>, unrotate<V>, subtract<V>, norm<V>, trial<V>, quantise<V>, round_to_bytes<V>, stored};
}

}  // namespace
}  // namespace kith::kernels
