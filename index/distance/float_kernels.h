// L2, inner product and cosine over f32, f16 and bf16 rows, written once over a level's vector type.
//
// A level gives `V`: Vec, kLanes, kRegisters (how many the CPU has), zero, add, sub, fma(a, b, c) = a b + c,
// load, load_tail (absent lanes 0) and store_sums<N>(Vec[N], out): the N horizontal sums, NaN replaced by
// +infinity; negated where asked. And for each element type an `E` with load and load_tail that widen to Vec.
// Internal linkage, see kernels.h.
#pragma once

#include "index/distance/cosine.h"
#include "index/distance/kernels.h"
#include "index/distance/scan.h"

namespace kith::kernels {
namespace {

using CosineInDouble = float (*)(const void* query, const void* row, uint32_t dim);

template <typename V, typename E>
struct FloatBase {
  using Sum = typename V::Vec;
  static constexpr size_t kElements = V::kLanes;
  static constexpr size_t kElementBits = E::kBits;

  struct Query {
    const float* data;
    Query(const void* query, uint32_t) : data(static_cast<const float*>(query)) {}
  };

  static Sum zero() { return V::zero(); }
  static Sum add(Sum a, Sum b) { return V::add(a, b); }
  static Sum load_query(const Query& query, size_t i) { return V::load(query.data + i); }
  static Sum load_query_tail(const Query& query, size_t i, uint32_t n) {
    return V::load_tail(query.data + i, n);
  }
  static Sum load_row(const void* row, size_t i) { return E::load(row, i); }
  static Sum load_row_tail(const void* row, size_t i, uint32_t n) { return E::load_tail(row, i, n); }
};

template <typename V, typename E>
struct FloatL2 : FloatBase<V, E> {
  using Sum = typename V::Vec;
  using Query = typename FloatBase<V, E>::Query;
  static constexpr int kRows = 8;
  static constexpr int kSums = 1;

  static void step(Sum* sums, Sum q, Sum r) {
    const Sum difference = V::sub(q, r);
    sums[0] = V::fma(difference, difference, sums[0]);
  }
  static void step_tail(Sum* sums, Sum q, Sum r, uint32_t) { step(sums, q, r); }
  template <int N>
  static void finish(const Query&, const void* const*, uint32_t, const Sum (&sums)[1][N], float* out) {
    V::template store_sums<N>(sums[0], out);
  }
};

template <typename V, typename E>
struct FloatIp : FloatBase<V, E> {
  using Sum = typename V::Vec;
  using Query = typename FloatBase<V, E>::Query;
  static constexpr int kRows = 8;
  static constexpr int kSums = 1;

  static void step(Sum* sums, Sum q, Sum r) { sums[0] = V::fma(q, r, sums[0]); }
  static void step_tail(Sum* sums, Sum q, Sum r, uint32_t) { step(sums, q, r); }
  template <int N>
  static void finish(const Query&, const void* const*, uint32_t, const Sum (&sums)[1][N], float* out) {
    V::template store_negated_sums<N>(sums[0], out);
  }
};

template <typename V>
inline float squared_norm(const float* data, uint32_t dim) {
  typename V::Vec sums[4] = {V::zero(), V::zero(), V::zero(), V::zero()};
  uint32_t i = 0;
  for (int lane = 0; i + V::kLanes <= dim; i += V::kLanes, lane = (lane + 1) % 4) {
    const auto q = V::load(data + i);
    sums[lane] = V::fma(q, q, sums[lane]);
  }
  if (i < dim) {
    const auto q = V::load_tail(data + i, dim - i);
    sums[0] = V::fma(q, q, sums[0]);
  }
  const typename V::Vec total[1] = {V::add(V::add(sums[0], sums[1]), V::add(sums[2], sums[3]))};
  float norm;
  V::template store_sums<1>(total, &norm);
  return norm;
}

/// The three sums of N rows to distances; rows out of float's range, rare, again in double.
template <int N>
inline void finish_cosine(const float* dots, const float* norms, float qq, CosineInDouble in_double,
                          const void* query, const void* const* rows, uint32_t dim, float* out) {
  cosine_distances<N>(dots, qq, norms, out);
  int in_range = 0;
  for (int n = 0; n < N; ++n) in_range += norm_in_range(norms[n]);
  if (in_range == N && norm_in_range(qq)) return;
  for (int n = 0; n < N; ++n)
    if (!cosine_in_range(qq, norms[n])) out[n] = in_double(query, rows[n], dim);
}

template <typename V, typename E>
struct FloatCosine : FloatBase<V, E> {
  using Sum = typename V::Vec;
  static constexpr int kRows = V::kRegisters >= 32 ? 8 : 4;
  static constexpr int kSums = 2;

  struct Query : FloatBase<V, E>::Query {
    float qq;
    Query(const void* query, uint32_t dim)
        : FloatBase<V, E>::Query(query, dim), qq(squared_norm<V>(static_cast<const float*>(query), dim)) {}
  };

  static void step(Sum* sums, Sum q, Sum r) {
    sums[0] = V::fma(q, r, sums[0]);
    sums[1] = V::fma(r, r, sums[1]);
  }
  static void step_tail(Sum* sums, Sum q, Sum r, uint32_t) { step(sums, q, r); }
  template <int N>
  static void finish(const Query& query, const void* const* rows, uint32_t dim, const Sum (&sums)[2][N],
                     float* out) {
    float dots[N], norms[N];
    V::template store_sums<N>(sums[0], dots);
    V::template store_sums<N>(sums[1], norms);
    finish_cosine<N>(dots, norms, query.qq, E::kInDouble, query.data, rows, dim, out);
  }
};

template <typename V, typename E>
constexpr Metrics float_metrics() {
  return {scan<FloatL2<V, E>>, scan<FloatIp<V, E>>, scan<FloatCosine<V, E>>};
}

}  // namespace
}  // namespace kith::kernels
