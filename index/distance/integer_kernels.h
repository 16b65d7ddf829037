// L2, inner product and cosine over i8 and u8 rows by 16-bit products, and Hamming over bits, written once
// over a level's vector type.
//
// `V` for bytes gives: Vec, kLanes, zero, add (32-bit), sub_words, add_products(sum, a, b) (products of
// 16-bit lanes added pairwise into 32-bit lanes), load<kSigned>, load_tail<kSigned> (absent lanes 0) and
// store_sums<N, kSigned>(sums, out) (the 32-bit sums as floats). All results are exact:
// sums wrap in 32 bits, and every true result of up to 65,535 dimensions fits in them. Internal linkage, see
// kernels.h.
#pragma once

#include "index/distance/cosine.h"
#include "index/distance/kernels.h"
#include "index/distance/scan.h"

namespace kith::kernels {
namespace {

static_assert(65535ull * 255 * 255 < (1ull << 32), "sums of squares fit in 32 bits without sign");
static_assert(65535ull * 128 * 128 < (1ull << 31), "dot products of i8 fit in 32 bits with sign");

template <typename V, bool kSigned>
struct IntegerBase {
  using Sum = typename V::Vec;
  static constexpr size_t kElements = V::kLanes;
  static constexpr size_t kElementBits = 8;

  struct Query {
    const void* data;
    Query(const void* query, uint32_t) : data(query) {}
  };

  static Sum zero() { return V::zero(); }
  static Sum add(Sum a, Sum b) { return V::add(a, b); }
  static Sum load_row(const void* row, size_t i) { return V::template load<kSigned>(row, i); }
  static Sum load_row_tail(const void* row, size_t i, uint32_t n) {
    return V::template load_tail<kSigned>(row, i, n);
  }
  static Sum load_query(const Query& query, size_t i) { return load_row(query.data, i); }
  static Sum load_query_tail(const Query& query, size_t i, uint32_t n) {
    return load_row_tail(query.data, i, n);
  }
};

template <typename V, bool kSigned>
struct IntegerL2 : IntegerBase<V, kSigned> {
  using Sum = typename V::Vec;
  using Query = typename IntegerBase<V, kSigned>::Query;
  static constexpr int kRows = 8;
  static constexpr int kSums = 1;

  static void step(Sum* sums, Sum q, Sum r) {
    const Sum difference = V::sub_words(q, r);
    sums[0] = V::add_products(sums[0], difference, difference);
  }
  static void step_tail(Sum* sums, Sum q, Sum r, uint32_t) { step(sums, q, r); }
  template <int N>
  static void finish(const Query&, const void* const*, uint32_t, const Sum (&sums)[1][N], float* out) {
    V::template store_sums<N, false>(sums[0], out);
  }
};

template <typename V, bool kSigned>
struct IntegerIp : IntegerBase<V, kSigned> {
  using Sum = typename V::Vec;
  using Query = typename IntegerBase<V, kSigned>::Query;
  static constexpr int kRows = 8;
  static constexpr int kSums = 1;

  static void step(Sum* sums, Sum q, Sum r) { sums[0] = V::add_products(sums[0], q, r); }
  static void step_tail(Sum* sums, Sum q, Sum r, uint32_t) { step(sums, q, r); }
  template <int N>
  static void finish(const Query&, const void* const*, uint32_t, const Sum (&sums)[1][N], float* out) {
    V::template store_sums<N, kSigned>(sums[0], out);
    for (int n = 0; n < N; ++n) out[n] = -out[n];
  }
};

template <typename V, bool kSigned>
struct IntegerCosine : IntegerBase<V, kSigned> {
  using Sum = typename V::Vec;
  using Base = IntegerBase<V, kSigned>;
  static constexpr int kRows = 4;
  static constexpr int kSums = 2;

  struct Query : Base::Query {
    float qq;
    Query(const void* query, uint32_t dim) : Base::Query(query, dim), qq(squared_norm(query, dim)) {}
  };

  static float squared_norm(const void* query, uint32_t dim) {
    Sum sum[1] = {V::zero()};
    uint32_t i = 0;
    for (; i + V::kLanes <= dim; i += V::kLanes) {
      const Sum q = Base::load_row(query, i);
      sum[0] = V::add_products(sum[0], q, q);
    }
    if (i < dim) {
      const Sum q = Base::load_row_tail(query, i, dim - i);
      sum[0] = V::add_products(sum[0], q, q);
    }
    float norm;
    V::template store_sums<1, false>(sum, &norm);
    return norm;
  }

  static void step(Sum* sums, Sum q, Sum r) {
    sums[0] = V::add_products(sums[0], q, r);
    sums[1] = V::add_products(sums[1], r, r);
  }
  static void step_tail(Sum* sums, Sum q, Sum r, uint32_t) { step(sums, q, r); }
  template <int N>
  static void finish(const Query& query, const void* const*, uint32_t, const Sum (&sums)[2][N], float* out) {
    float dots[N], norms[N];
    V::template store_sums<N, kSigned>(sums[0], dots);
    V::template store_sums<N, false>(sums[1], norms);
    cosine_distances<N>(dots, query.qq, norms, out);
  }
};

template <typename V, bool kSigned>
constexpr Metrics integer_metrics() {
  return {scan<IntegerL2<V, kSigned>>, scan<IntegerIp<V, kSigned>>, scan<IntegerCosine<V, kSigned>>};
}

/// Hamming distance. `V` gives kBytes, load, load_tail, add_differing and store_sums<N>.
/// To the walk an element is a byte.
template <typename V>
struct Bits {
  using Sum = typename V::Vec;
  static constexpr int kRows = 8;
  static constexpr int kSums = 1;
  static constexpr size_t kElements = V::kBytes;
  static constexpr size_t kElementBits = 8;

  struct Query {
    const uint8_t* data;
    Query(const void* query, uint32_t) : data(static_cast<const uint8_t*>(query)) {}
  };

  static Sum zero() { return V::zero(); }
  static Sum add(Sum a, Sum b) { return V::add(a, b); }
  static Sum load_query(const Query& query, size_t i) { return V::load(query.data + i); }
  static Sum load_query_tail(const Query& query, size_t i, uint32_t n) {
    return V::load_tail(query.data + i, n);
  }
  static Sum load_row(const void* row, size_t i) { return V::load(static_cast<const uint8_t*>(row) + i); }
  static Sum load_row_tail(const void* row, size_t i, uint32_t n) {
    return V::load_tail(static_cast<const uint8_t*>(row) + i, n);
  }
  static void step(Sum* sums, Sum q, Sum r) { sums[0] = V::add_differing(sums[0], q, r); }
  static void step_tail(Sum* sums, Sum q, Sum r, uint32_t) { step(sums, q, r); }
  template <int N>
  static void finish(const Query&, const void* const*, uint32_t, const Sum (&sums)[1][N], float* out) {
    V::template store_sums<N>(sums[0], out);
  }
};

/// Bits beyond dim in the last byte of either vector are ignored.
template <typename V>
void scan_bits(const void* query, const void* const* rows, size_t count, uint32_t dim, float* out) {
  scan<Bits<V>>(query, rows, count, (dim + 7) / 8, out);
  if (dim % 8 == 0) return;
  const uint32_t last = dim / 8;
  const uint8_t beyond = static_cast<uint8_t>(0xffu << (dim % 8));
  const uint8_t q = static_cast<const uint8_t*>(query)[last];
  for (size_t i = 0; i < count; ++i) {
    const uint8_t differing = static_cast<uint8_t>((q ^ static_cast<const uint8_t*>(rows[i])[last]) & beyond);
    if (differing != 0) out[i] -= static_cast<float>(__builtin_popcount(differing));
  }
}

}  // namespace
}  // namespace kith::kernels
