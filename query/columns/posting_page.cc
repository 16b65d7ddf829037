#include "query/columns/posting_page.h"

#include <algorithm>
#include <cstring>

namespace kith {
namespace {

using Bits = PostingPage::Bits;

void set_bit(uint64_t* words, uint16_t low) {
  words[low / 64] |= uint64_t{1} << (low % 64);
}
void clear_bit(uint64_t* words, uint16_t low) {
  words[low / 64] &= ~(uint64_t{1} << (low % 64));
}

/// The first key ≥ `key` from `from` on, in steps that double: ranges come in order.
size_t first_not_below(std::span<const uint64_t> keys, size_t from, uint64_t key) {
  size_t step = 1;
  size_t end = from;
  while (end < keys.size() && keys[end] < key) {
    from = end + 1;
    end += step;
    step *= 2;
  }
  const auto begin = keys.begin() + static_cast<ptrdiff_t>(from);
  const auto stop = keys.begin() + static_cast<ptrdiff_t>(std::min(end, keys.size()));
  return static_cast<size_t>(std::lower_bound(begin, stop, key) - keys.begin());
}

template <typename T>
Result<std::vector<T>> read_numbers(ByteReader& in, uint64_t count) {
  const auto bytes = TRY(in.raw(count * sizeof(T)));
  std::vector<T> numbers(count);
  if (count > 0) std::memcpy(numbers.data(), bytes.data(), bytes.size());
  return numbers;
}

}  // namespace

void PostingPage::append(const Posting& posting) {
  if (keys_.empty() || keys_.back() != posting.key) {
    keys_.push_back(posting.key);
    starts_.push_back(size());
  } else if (lows_.back() == posting.low) {
    return;
  }
  lows_.push_back(posting.low);
}

/// Ends what append began.
void PostingPage::close() {
  starts_.push_back(size());
  keys_.shrink_to_fit();
  starts_.shrink_to_fit();
  lows_.shrink_to_fit();
  if (size() < 2 * kStep || size() > RowSetBuilder::kPageRows) return;
  Bits bits{};
  for (const uint16_t low : lows_) {
    if ((bits[low / 64] >> (low % 64) & 1) != 0) return;  // a row with two keys
    set_bit(bits.data(), low);
  }
  const size_t steps = (size() + kStep - 1) / kStep;
  below_.reserve(steps * bits.size());
  bits = {};
  for (uint32_t rank = 0; rank < size(); ++rank) {
    set_bit(bits.data(), lows_[rank]);
    if ((rank + 1) % kStep == 0 || rank + 1 == size()) below_.insert(below_.end(), bits.begin(), bits.end());
  }
}

PostingPage PostingPage::merge(const PostingPage& page, std::span<const Posting> more) {
  PostingPage merged;
  merged.lows_.reserve(page.size() + more.size());
  auto next = more.begin();
  for (size_t i = 0; i < page.keys_.size(); ++i) {
    for (uint32_t at = page.starts_[i]; at < page.starts_[i + 1]; ++at) {
      const Posting posting = {page.keys_[i], page.lows_[at]};
      for (; next != more.end() && *next < posting; ++next) merged.append(*next);
      merged.append(posting);
    }
  }
  for (; next != more.end(); ++next) merged.append(*next);
  merged.close();
  return merged;
}

PostingPage PostingPage::within(uint16_t number, const RowSet& live) const {
  PostingPage rest;
  const Row first = Row{number} * static_cast<Row>(RowSetBuilder::kPageRows);
  for (size_t i = 0; i < keys_.size(); ++i)
    for (uint32_t at = starts_[i]; at < starts_[i + 1]; ++at)
      if (live.contains(first + lows_[at])) rest.append({keys_[i], lows_[at]});
  rest.close();
  return rest;
}

uint64_t PostingPage::memory_bytes() const {
  return sizeof(*this) + 8 * (keys_.capacity() + below_.capacity()) + 4 * starts_.capacity() +
         2 * lows_.capacity();
}

void PostingPage::find(std::span<const KeySpan> ranges, std::vector<Ranks>& out) const {
  size_t at = 0;
  for (const KeySpan& range : ranges) {
    const size_t begin = first_not_below(keys_, at, range.first);
    if (begin == keys_.size()) return;
    at = range.last == UINT64_MAX ? keys_.size() : first_not_below(keys_, begin, range.last + 1);
    if (at > begin) out.push_back({starts_[begin], starts_[at]});
  }
}

std::span<const uint64_t> PostingPage::below(uint32_t step) const {
  constexpr size_t kWords = RowSetBuilder::kPageWords;
  return std::span(below_).subspan((step - 1) * kWords, kWords);
}

void PostingPage::mark(Ranks ranks, Bits& bits) const {
  const auto nearest = [&](uint32_t rank) {
    return rank == size() ? (size() + kStep - 1) / kStep : (rank + kStep / 2) / kStep;
  };
  const uint32_t from = nearest(ranks.begin);
  const uint32_t to = nearest(ranks.end);
  if (below_.empty() || from == to) {
    for (const uint16_t low : lows(ranks)) set_bit(bits.data(), low);
    return;
  }
  Bits found;
  const auto upper = below(to);
  std::copy(upper.begin(), upper.end(), found.begin());
  if (from > 0) {
    const auto lower = below(from);
    for (size_t i = 0; i < found.size(); ++i) found[i] &= ~lower[i];
  }
  const uint32_t from_rank = std::min(from * kStep, size());
  const uint32_t to_rank = std::min(to * kStep, size());
  for (uint32_t rank = ranks.begin; rank < from_rank; ++rank) set_bit(found.data(), lows_[rank]);
  for (uint32_t rank = from_rank; rank < ranks.begin; ++rank) clear_bit(found.data(), lows_[rank]);
  for (uint32_t rank = to_rank; rank < ranks.end; ++rank) set_bit(found.data(), lows_[rank]);
  for (uint32_t rank = ranks.end; rank < to_rank; ++rank) clear_bit(found.data(), lows_[rank]);
  for (size_t i = 0; i < found.size(); ++i) bits[i] |= found[i];
}

void PostingPage::save(ByteWriter& out) const {
  out.number(static_cast<uint32_t>(keys_.size()));
  out.number(size());
  out.raw(std::as_bytes(std::span(keys_)));
  out.raw(std::as_bytes(std::span(starts_).subspan(0, keys_.size())));
  out.raw(std::as_bytes(std::span(lows_)));
}

Result<PostingPage> PostingPage::parse(ByteReader& in) {
  const uint32_t keys = TRY(in.number<uint32_t>());
  const uint32_t entries = TRY(in.number<uint32_t>());
  PostingPage page;
  page.keys_ = TRY(read_numbers<uint64_t>(in, keys));
  page.starts_ = TRY(read_numbers<uint32_t>(in, keys));
  page.lows_ = TRY(read_numbers<uint16_t>(in, entries));
  if ((keys == 0) != (entries == 0) || (keys > 0 && page.starts_[0] != 0))
    return corruption("posting page: {} keys with {} rows", keys, entries);
  for (size_t i = 0; i < keys; ++i) {
    const uint32_t begin = page.starts_[i];
    const uint32_t end = i + 1 < keys ? page.starts_[i + 1] : entries;
    if (begin >= end || end > entries || (i > 0 && page.keys_[i] <= page.keys_[i - 1]))
      return corruption("posting page: key {} is out of order or has no rows", i);
    for (uint32_t at = begin + 1; at < end; ++at)
      if (page.lows_[at] <= page.lows_[at - 1])
        return corruption("posting page: rows of key {} do not ascend", i);
  }
  page.close();
  return page;
}

}  // namespace kith
