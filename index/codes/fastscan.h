// FastScan: 4-bit product codes scanned with their tables in registers (André, Kermarrec, Le Scouarnec,
// "Cache locality is not enough: High-Performance Nearest Neighbor Search with Product Quantization Fast
// Scan", VLDB 2015, and "Quicker ADC", TPAMI 2021). A table of 16 entries, rounded to bytes with one step and
// bias per query, is looked up by one shuffle for as many codes as a register has bytes.
//
// Codes lie in blocks of 32, transposed:
//
//   block b:  byte 0 of codes 32 b .. 32 b + 31, then byte 1 of them, ... : 32 * bytes of a code
//
// (a code's byte holds two sub-vectors, PqCodebook), so a block takes exactly its codes' bytes; an array of
// codes takes whole blocks. Sums are of 16 bits and cannot overflow: the step is chosen so that the largest
// possible sum fits.
//
// Estimates are those of the code's own kernel within `rounding`. Threads: everything const, nothing
// allocated.
#pragma once

#include "index/codes/pq_code.h"

namespace kith {

class FastScan {
 public:
  static constexpr size_t kBlock = 32;

  /// InvalidArgument unless `code` has 4 bits; it must outlive this.
  static Result<FastScan> of(const PqCode& code);

  /// Bytes that `count` codes take.
  size_t bytes(size_t count) const { return (count + kBlock - 1) / kBlock * kBlock * code_->bytes(); }
  /// Writes and reads one code (of code_->bytes() bytes) in its place. Readers must not be at its block.
  void put(const std::byte* code, size_t position, std::byte* blocks) const;
  void take(const std::byte* blocks, size_t position, std::byte* code) const;

  /// Bytes of a prepared query; it starts on 64 bytes.
  size_t query_bytes() const { return tables_end() + code_->query_bytes(); }
  void prepare(const float* query, std::byte* prepared) const;
  /// How far an estimate may be from that of the code's kernel: half a step per sub-vector.
  float rounding(const std::byte* prepared) const;
  /// The query prepared for the code, inside the one prepared here: for error_bound and the code's kernel.
  const std::byte* prepared_for_code(const std::byte* prepared) const { return prepared + tables_end(); }

  /// out[i] = estimate of code i, for i < count.
  void scan(const std::byte* prepared, const std::byte* blocks, size_t count, float* out) const;
  /// Codes whose estimates are below `bound`: their positions, rising, and estimates, each with room for
  /// `count`; how many there are. A block without any costs no conversion and no store.
  size_t scan_below(const std::byte* prepared, const std::byte* blocks, size_t count, float bound,
                    uint32_t* positions, float* estimates) const;

 private:
  explicit FastScan(const PqCode& code) : code_(&code) {}
  /// Where the byte tables of a prepared query end: whole 64 bytes.
  size_t tables_end() const;

  const PqCode* code_;
};

}  // namespace kith
