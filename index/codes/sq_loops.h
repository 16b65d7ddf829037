// The loops of the scalar quantisers, written once over a level's vectors: `V` of floats (float_loops.h), and
// `W` of bytes: Vec, kBytes (32 or 64), zero, add (32-bit lanes), load, load_tail(p, n) (absent bytes 0),
// low_halves, high_halves, dot(sum, codes, signed bytes of 64 at most), sums<N>(vectors, out). Internal
// linkage, see index/distance/kernels.h.
#pragma once

#include "index/codes/float_loops.h"
#include "index/codes/sq_kernels.h"
#include "index/distance/scan.h"

namespace kith::kernels {
namespace {

template <typename V>
Survey survey(const float* x, uint32_t dim) {
  Survey all = {x[0], x[0], 0};
  uint32_t i = 0;
  if (dim >= V::kLanes) {
    auto low = V::load(x), high = low, sum = low;
    for (i = V::kLanes; i + V::kLanes <= dim; i += V::kLanes) {
      const auto v = V::load(x + i);
      low = V::min(low, v);
      high = V::max(high, v);
      sum = V::add(sum, v);
    }
    all = {V::smallest(low), V::largest(high), V::sum(sum)};
  }
  for (; i < dim; ++i) {
    all.low = x[i] < all.low ? x[i] : all.low;
    all.high = x[i] > all.high ? x[i] : all.high;
    all.sum += x[i];
  }
  return all;
}

template <typename V>
void split(const float* x, uint32_t padded, float factor, int8_t* high, int8_t* low, int32_t* high_sum,
           int32_t* low_sum) {
  auto high_lanes = V::set1(0), low_lanes = V::set1(0);  // whole numbers below 2^24
  const auto f = V::set1(factor), middle = V::set1(64), part = V::set1(1.0f / 128), whole = V::set1(128);
  for (uint32_t i = 0; i < padded; i += V::kLanes) {
    const auto rounded = V::round(V::mul(V::load(x + i), f));
    const auto h = V::floor(V::mul(V::add(rounded, middle), part));
    const auto l = V::sub(rounded, V::mul(h, whole));
    V::store_bytes(h, reinterpret_cast<uint8_t*>(high) + i);
    V::store_bytes(l, reinterpret_cast<uint8_t*>(low) + i);
    high_lanes = V::add(high_lanes, h);
    low_lanes = V::add(low_lanes, l);
  }
  *high_sum = static_cast<int32_t>(V::sum(high_lanes));
  *low_sum = static_cast<int32_t>(V::sum(low_lanes));
}

template <typename W, uint32_t kTop>
struct SqBase {
  using Sum = typename W::Vec;
  static constexpr int kSums = 2;
  static constexpr int kRows = W::kBytes == 64 ? 8 : 4;

  struct Query {
    const SqQuery* header;
    const int8_t *high, *low, *last_high, *last_low;
    Query(const void* prepared, uint32_t dim)
        : header(static_cast<const SqQuery*>(prepared)),
          high(reinterpret_cast<const int8_t*>(header + 1)),
          low(high + sq_padded(dim)),
          last_high(low + sq_padded(dim)),
          last_low(last_high + kSqBlock) {}
  };

  static Sum zero() { return W::zero(); }
  static Sum add(Sum a, Sum b) { return W::add(a, b); }

  /// Writes the dot products, not yet distances.
  template <int N>
  static void finish(const Query& query, const void* const*, uint32_t, const Sum (&sums)[2][N], float* out) {
    uint32_t high[N], low[N];
    W::template sums<N>(sums[0], high);
    W::template sums<N>(sums[1], low);
    for (int n = 0; n < N; ++n) out[n] = sq_dot(*query.header, high[n], low[n], kTop);
  }
};

/// One byte a dimension.
template <typename W>
struct Sq8 : SqBase<W, 255> {
  using Vec = typename W::Vec;
  using Query = typename SqBase<W, 255>::Query;
  static constexpr size_t kElements = W::kBytes;
  static constexpr size_t kElementBits = 8;

  struct Split {
    Vec high, low;
  };
  static Split load_query(const Query& query, size_t i) {
    return {W::load(query.high + i), W::load(query.low + i)};
  }
  static Split load_query_tail(const Query& query, size_t i, uint32_t) { return load_query(query, i); }
  static Vec load_row(const void* row, size_t i) { return W::load(static_cast<const uint8_t*>(row) + i); }
  static Vec load_row_tail(const void* row, size_t i, uint32_t n) {
    return W::load_tail(static_cast<const uint8_t*>(row) + i, n);
  }
  static void step(Vec* sums, const Split& q, Vec r) {
    sums[0] = W::dot(sums[0], r, q.high);
    sums[1] = W::dot(sums[1], r, q.low);
  }
  static void step_tail(Vec* sums, const Split& q, Vec r, uint32_t) { step(sums, q, r); }
};

/// Two dimensions a byte.
template <typename W>
struct Sq4 : SqBase<W, 15> {
  using Vec = typename W::Vec;
  using Query = typename SqBase<W, 15>::Query;
  static constexpr size_t kElements = kSqBlock;
  static constexpr size_t kElementBits = 4;
  static constexpr uint32_t kParts = 64 / W::kBytes;  // registers of 64 bytes

  /// The first 64 dimensions of a block, then the others.
  struct Split {
    Vec high[2 * kParts], low[2 * kParts];
  };
  struct Row {
    Vec part[kParts];
  };
  static Split load_split(const int8_t* high, const int8_t* low) {
    Split q;
    for (uint32_t p = 0; p < 2 * kParts; ++p) {
      q.high[p] = W::load(high + p * W::kBytes);
      q.low[p] = W::load(low + p * W::kBytes);
    }
    return q;
  }
  static Split load_query(const Query& query, size_t i) { return load_split(query.high + i, query.low + i); }
  static Split load_query_tail(const Query& query, size_t, uint32_t) {
    return load_split(query.last_high, query.last_low);
  }
  static Row load_row(const void* row, size_t i) {
    Row r;
    for (uint32_t p = 0; p < kParts; ++p)
      r.part[p] = W::load(static_cast<const uint8_t*>(row) + i / 2 + p * W::kBytes);
    return r;
  }
  static Row load_row_tail(const void* row, size_t i, uint32_t n) {
    Row r;
    const uint32_t bytes = (n + 1) / 2;
    for (uint32_t p = 0; p < kParts; ++p) {
      const uint32_t first = p * W::kBytes;
      const uint8_t* from = static_cast<const uint8_t*>(row) + i / 2 + first;
      if (bytes >= first + W::kBytes)
        r.part[p] = W::load(from);
      else
        r.part[p] = bytes > first ? W::load_tail(from, bytes - first) : W::zero();
    }
    return r;
  }
  static void step(Vec* sums, const Split& q, const Row& r) {
    for (uint32_t p = 0; p < kParts; ++p) {
      const Vec first = W::low_halves(r.part[p]), second = W::high_halves(r.part[p]);
      sums[0] = W::dot(W::dot(sums[0], first, q.high[p]), second, q.high[kParts + p]);
      sums[1] = W::dot(W::dot(sums[1], first, q.low[p]), second, q.low[kParts + p]);
    }
  }
  static void step_tail(Vec* sums, const Split& q, const Row& r, uint32_t) { step(sums, q, r); }
};

/// A walk over codes that start `kOffset` bytes into their rows needs pointers to them: 64 rows at a time.
constexpr size_t kSqRows = 64;

inline const void* moved(const void* row, size_t bytes) {
  return static_cast<const uint8_t*>(row) + bytes;
}

template <typename K>
void sq_scan(const void* query, const void* const* rows, size_t count, uint32_t dim, float* out) {
  const auto& header = *static_cast<const SqQuery*>(query);
  for (size_t i = 0; i < count; i += kSqRows) {
    const size_t n = count - i < kSqRows ? count - i : kSqRows;
    const void* codes[kSqRows];
    for (size_t r = 0; r < n; ++r) codes[r] = moved(rows[i + r], sizeof(SqFactors));
    scan<K>(query, codes, n, dim, out + i);
    for (size_t r = 0; r < n; ++r) {
      SqFactors factors;
      memcpy(&factors, rows[i + r], sizeof(factors));
      out[i + r] = sq_distance(header, factors, out[i + r]);
    }
  }
}

/// Of two levels the values are (2 code - 15) + (2 residual - 255) / 255.
template <typename W>
void lvq_scan(const void* query, const void* const* rows, size_t count, uint32_t dim, float* out) {
  const auto& header = *static_cast<const SqQuery*>(query);
  const size_t second = sizeof(SqFactors) + sq4_code_bytes(dim);
  for (size_t i = 0; i < count; i += kSqRows) {
    const size_t n = count - i < kSqRows ? count - i : kSqRows;
    const void* codes[kSqRows];
    float residuals[kSqRows];
    for (size_t r = 0; r < n; ++r) codes[r] = moved(rows[i + r], sizeof(SqFactors));
    scan<Sq4<W>>(query, codes, n, dim, out + i);
    for (size_t r = 0; r < n; ++r) codes[r] = moved(rows[i + r], second + sizeof(float));
    scan<Sq8<W>>(query, codes, n, dim, residuals);
    for (size_t r = 0; r < n; ++r) {
      SqFactors factors;
      memcpy(&factors, rows[i + r], sizeof(factors));
      memcpy(&factors.add, moved(rows[i + r], second), sizeof(float));
      out[i + r] = sq_distance(header, factors, out[i + r] + residuals[r] * (1.0f / 255));
    }
  }
}

template <typename V, typename W>
constexpr SqTable sq_loops() {
  return {sq_scan<Sq8<W>>, sq_scan<Sq4<W>>, lvq_scan<W>, subtract<V>, survey<V>, split<V>};
}

}  // namespace
}  // namespace kith::kernels
