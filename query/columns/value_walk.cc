#include "query/columns/value_walk.h"

#include <tuple>

namespace kith {

std::vector<ValuePage> value_pages(std::vector<Postings::PageView> views) {
  std::vector<ValuePage> pages;
  for (Postings::PageView& view : views) {
    pages.push_back({std::move(view.page), view.number, false});
    if (view.tail.empty()) continue;
    std::sort(view.tail.begin(), view.tail.end());
    pages.push_back({std::make_shared<const PostingPage>(PostingPage::merge(PostingPage(), view.tail)),
                     view.number, true});
  }
  return pages;
}

ValueWalk::ValueWalk(std::span<const ValuePage> pages, KeySpan within, bool descending)
    : descending_(descending) {
  for (const ValuePage& page : pages) {
    const std::span<const uint64_t> keys = page.page->keys();
    const auto begin = std::lower_bound(keys.begin(), keys.end(), within.first);
    const auto end = std::upper_bound(begin, keys.end(), within.last);
    if (begin == end) continue;
    waiting_.push_back({page, static_cast<size_t>(begin - keys.begin()),
                        static_cast<size_t>(end - keys.begin()), descending});
  }
  std::make_heap(waiting_.begin(), waiting_.end(), later);
  take_current();
}

bool ValueWalk::later(const Source& a, const Source& b) {
  if (a.key() != b.key()) return (a.key() > b.key()) != a.descending;
  return std::tie(a.number, a.tail) > std::tie(b.number, b.tail);
}

void ValueWalk::take_current() {
  while (!waiting_.empty() && (current_.empty() || waiting_.front().key() == current_.front().key())) {
    std::pop_heap(waiting_.begin(), waiting_.end(), later);
    current_.push_back(std::move(waiting_.back()));
    waiting_.pop_back();
  }
}

void ValueWalk::next() {
  for (Source& source : current_) {
    if (descending_)
      --source.end;
    else
      ++source.begin;
    if (source.begin == source.end) continue;
    waiting_.push_back(std::move(source));
    std::push_heap(waiting_.begin(), waiting_.end(), later);
  }
  current_.clear();
  take_current();
}

}  // namespace kith
