// The walk every vector kernel shares: groups of rows at a time, so that one load of the query serves several
// rows and the cache misses of several rows overlap; the next group's lines are prefetched while this one is
// computed.
//
// A kernel `K` is a struct of constants and static functions:
//   kRows          rows of a full group (a power of two); smaller groups serve the remainder
//   kElements      elements of one step; kElementBits: bits of one stored element
//   kSums          registers of type Sum that one row accumulates in
//   Query          what is computed once per query: Query(const void* data, uint32_t dim)
//   load_query, load_query_tail(query, i[, n]); load_row, load_row_tail(row, i[, n]); tails hold n <
//   kElements elements step(sums, query_register, row_register)[_tail]; add(sum, sum); finish<N>(query, rows,
//   dim, sums, out)
// Everything here has internal linkage (see kernels.h).
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace kith::kernels {
namespace {

/// How far ahead of the computation rows are asked for, at least a group: about what memory delivers while
/// one of its answers is under way. Measured: bench/micro, dram_random; more lines of each row only delay the
/// rest.
constexpr size_t kAheadBytes = 4096;

template <int N>
__attribute__((always_inline)) inline void prefetch_group(const void* const* rows) {
  for (int n = 0; n < N; ++n) __builtin_prefetch(rows[n], 0, 3);
}

/// Distances of N rows. `kUnroll` steps go to registers of their own, so that about eight sums are in flight
/// whatever N is: additions take four cycles, and a CPU starts one or two in each.
template <typename K, int N>
__attribute__((always_inline)) inline void scan_group(const typename K::Query& query, const void* const* rows,
                                                      uint32_t dim, float* out) {
  constexpr int kUnroll = K::kRows / N > 4 ? 4 : K::kRows / N;
  typename K::Sum sums[N][kUnroll][K::kSums];
  for (int n = 0; n < N; ++n)
    for (int u = 0; u < kUnroll; ++u)
      for (int s = 0; s < K::kSums; ++s) sums[n][u][s] = K::zero();
  size_t i = 0;
  for (; i + kUnroll * K::kElements <= dim; i += kUnroll * K::kElements) {
    for (int u = 0; u < kUnroll; ++u) {
      const auto q = K::load_query(query, i + u * K::kElements);
      for (int n = 0; n < N; ++n) K::step(sums[n][u], q, K::load_row(rows[n], i + u * K::kElements));
    }
  }
  if constexpr (kUnroll > 1) {
    for (; i + K::kElements <= dim; i += K::kElements) {
      const auto q = K::load_query(query, i);
      for (int n = 0; n < N; ++n) K::step(sums[n][0], q, K::load_row(rows[n], i));
    }
  }
  if (i < dim) {
    const uint32_t left = dim - static_cast<uint32_t>(i);
    const auto q = K::load_query_tail(query, i, left);
    for (int n = 0; n < N; ++n) K::step_tail(sums[n][0], q, K::load_row_tail(rows[n], i, left), left);
  }
  typename K::Sum total[K::kSums][N];
  for (int n = 0; n < N; ++n) {
    for (int s = 0; s < K::kSums; ++s) {
      total[s][n] = sums[n][0][s];
      for (int u = 1; u < kUnroll; ++u) total[s][n] = K::add(total[s][n], sums[n][u][s]);
    }
  }
  K::template finish<N>(query, rows, dim, total, out);
}

/// Whether rows first .. first + N - 1 lie one after another.
template <int N>
inline bool contiguous(const void* const* rows, size_t row_bytes) {
  const char* first = static_cast<const char*>(rows[0]);
  for (int n = 1; n < N; ++n)
    if (rows[n] != first + n * row_bytes) return false;
  return true;
}

template <typename K>
void scan(const void* query_data, const void* const* rows, size_t count, uint32_t dim, float* out) {
  constexpr int N = K::kRows;
  const typename K::Query query(query_data, dim);
  const size_t row_bytes = (static_cast<size_t>(dim) * K::kElementBits + 7) / 8;
  const size_t ahead = (kAheadBytes / row_bytes + N) / N * N;
  for (size_t i = 0; i + N <= count && i < ahead; i += N) prefetch_group<N>(rows + i);
  size_t i = 0;
  for (; i + N <= count; i += N) {
    if (contiguous<N>(rows + i, row_bytes)) {
      for (int n = 0; n < N; ++n) scan_group<K, 1>(query, rows + i + n, dim, out + i + n);
      continue;
    }
    if (i + ahead + N <= count) prefetch_group<N>(rows + i + ahead);
    scan_group<K, N>(query, rows + i, dim, out + i);
  }
  if constexpr (N > 4) {
    for (; i + 4 <= count; i += 4) scan_group<K, 4>(query, rows + i, dim, out + i);
  }
  if constexpr (N > 2) {
    for (; i + 2 <= count; i += 2) scan_group<K, 2>(query, rows + i, dim, out + i);
  }
  for (; i < count; ++i) scan_group<K, 1>(query, rows + i, dim, out + i);
}

}  // namespace
}  // namespace kith::kernels
