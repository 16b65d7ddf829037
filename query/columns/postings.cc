#include "query/columns/postings.h"

#include <algorithm>

namespace kith {
namespace {

// A tail is searched entry by entry, and merging costs the whole page.
constexpr size_t kTailMin = 4'096;
constexpr size_t kTailShare = 32;  // of a page
constexpr size_t kListMax = 256;   // rows that are sorted rather than marked in bits

bool contains(std::span<const KeySpan> ranges, uint64_t key) {
  const auto after = std::upper_bound(ranges.begin(), ranges.end(), key,
                                      [](uint64_t k, const KeySpan& range) { return k < range.first; });
  return after != ranges.begin() && key <= std::prev(after)->last;
}

}  // namespace

PostingPage Postings::merge(const PostingPage& page, std::vector<Posting> tail) {
  std::sort(tail.begin(), tail.end());
  return PostingPage::merge(page, tail);
}

PostingPage Postings::PageView::merged() const {
  return Postings::merge(*page, tail);
}

uint64_t Postings::slot_bytes(const Slot& slot) {
  return sizeof(Slot) + slot.page->memory_bytes() + slot.tail.capacity() * sizeof(Posting);
}

Postings::Slot& Postings::slot_of(uint16_t number) {
  auto at = slots_.end();
  if (!slots_.empty() && slots_.back().number >= number)
    at = std::lower_bound(slots_.begin(), slots_.end(), number,
                          [](const Slot& slot, uint16_t wanted) { return slot.number < wanted; });
  if (at != slots_.end() && at->number == number) return *at;
  at = slots_.insert(at, Slot{number, std::make_shared<const PostingPage>(), {}});
  memory_bytes_ += slot_bytes(*at);
  return *at;
}

void Postings::add(Row row, uint64_t key) {
  Slot& slot = slot_of(static_cast<uint16_t>(row / RowSetBuilder::kPageRows));
  const uint64_t before = slot_bytes(slot);
  slot.tail.push_back({key, static_cast<uint16_t>(row % RowSetBuilder::kPageRows)});
  if (slot.tail.size() >= std::max<size_t>(kTailMin, slot.page->size() / kTailShare)) {
    slot.page = std::make_shared<const PostingPage>(merge(*slot.page, slot.tail));
    slot.tail = {};
  }
  memory_bytes_ += slot_bytes(slot) - before;
}

void Postings::retain(const RowSet& live) {
  std::vector<Slot> kept;  // without memory for it, all stays as it is
  uint64_t bytes = 0;
  for (const Slot& slot : slots_) {
    const PostingPage whole = merge(*slot.page, slot.tail);
    auto page = std::make_shared<const PostingPage>(whole.within(slot.number, live));
    if (page->size() == 0) continue;
    kept.push_back({slot.number, std::move(page), {}});
    bytes += slot_bytes(kept.back());
  }
  slots_ = std::move(kept);
  memory_bytes_ = bytes;
}

RowSet Postings::select(std::span<const KeySpan> ranges) const {
  RowSetBuilder builder;
  std::vector<PostingPage::Ranks> found;
  std::vector<uint16_t> lows;
  for (const Slot& slot : slots_) {
    found.clear();
    slot.page->find(ranges, found);
    lows.clear();
    for (const Posting& posting : slot.tail)
      if (contains(ranges, posting.key)) lows.push_back(posting.low);
    size_t total = lows.size();
    for (const PostingPage::Ranks ranks : found) total += ranks.end - ranks.begin;
    if (total == 0) continue;
    if (total <= kListMax) {
      for (const PostingPage::Ranks ranks : found) {
        const auto more = slot.page->lows(ranks);
        lows.insert(lows.end(), more.begin(), more.end());
      }
      std::sort(lows.begin(), lows.end());
      lows.erase(std::unique(lows.begin(), lows.end()), lows.end());
      builder.add(slot.number, lows);
      continue;
    }
    PostingPage::Bits bits{};
    for (const uint16_t low : lows) bits[low / 64] |= uint64_t{1} << (low % 64);
    for (const PostingPage::Ranks ranks : found) slot.page->mark(ranks, bits);
    builder.add(slot.number, bits);
  }
  return builder.finish();
}

std::vector<Postings::PageView> Postings::pages() const {
  std::vector<PageView> views;
  views.reserve(slots_.size());
  for (const Slot& slot : slots_) views.push_back({slot.number, slot.page, slot.tail});
  return views;
}

Result<void> Postings::restore(uint16_t number, PostingPage page) {
  if (!slots_.empty() && slots_.back().number >= number)
    return corruption("postings: page {} comes after page {}", number, slots_.back().number);
  slots_.push_back({number, std::make_shared<const PostingPage>(std::move(page)), {}});
  memory_bytes_ += slot_bytes(slots_.back());
  return {};
}

}  // namespace kith
