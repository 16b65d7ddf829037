// PostingPage: which of 65,536 rows have which 64-bit keys, for keys of any meaning whose order is that of
// what they stand for. Immutable, so that a checkpoint can write pages while rows are added.
//
//   keys    k1 < k2 < ...            different keys
//   starts  0, s1, s2, ..., n        the rows of key i are lows[starts[i] .. starts[i + 1])
//   lows    n × u16                  row within the page, ascending within each key
//
// So an entry's place in `lows`, its rank, follows the order of keys, and a range of keys is a range of
// ranks: two binary searches. A narrow one is listed; for wide ones a page whose rows have one key each keeps
// the set of the rows below every 4,096th rank, and the answer is the difference of two of these sets, put
// right at both ends by at most 2,048 bits.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/row_set.h"

namespace kith {

/// Both ends belong to it.
struct KeySpan {
  uint64_t first;
  uint64_t last;
  friend auto operator<=>(const KeySpan&, const KeySpan&) = default;
};

struct Posting {
  uint64_t key;
  uint16_t low;
  friend auto operator<=>(const Posting&, const Posting&) = default;
};

class PostingPage {
 public:
  using Bits = RowSetBuilder::PageBits;
  struct Ranks {
    uint32_t begin;
    uint32_t end;
  };

  PostingPage() = default;
  /// What `page` and `more` (ascending) have; what both have, or comes twice, once.
  static PostingPage merge(const PostingPage& page, std::span<const Posting> more);
  /// What is left when only rows of `live` stay; this is page `number`.
  PostingPage within(uint16_t number, const RowSet& live) const;

  uint32_t size() const { return static_cast<uint32_t>(lows_.size()); }
  std::span<const uint64_t> keys() const { return keys_; }
  uint64_t memory_bytes() const;

  /// Appends the ranks of each range that has some. `ranges` ascend and do not overlap.
  void find(std::span<const KeySpan> ranges, std::vector<Ranks>& out) const;
  std::span<const uint16_t> lows(Ranks ranks) const {
    return std::span(lows_).subspan(ranks.begin, ranks.end - ranks.begin);
  }
  /// Of the rows of keys()[key].
  Ranks ranks_of(size_t key) const { return {starts_[key], starts_[key + 1]}; }
  /// Sets the bits of these rows.
  void mark(Ranks ranks, Bits& bits) const;

  void save(ByteWriter& out) const;
  static Result<PostingPage> parse(ByteReader& in);

 private:
  static constexpr uint32_t kStep = 4'096;

  void append(const Posting& posting);
  void close();
  std::span<const uint64_t> below(uint32_t step) const;

  std::vector<uint64_t> keys_;
  std::vector<uint32_t> starts_;
  std::vector<uint16_t> lows_;
  std::vector<uint64_t> below_;  // bits of the ranks below kStep, 2 kStep, ..., all; or none
};

}  // namespace kith
