// KeptPages: pages of a buffer that are in use again after they, or all around them, were given back to the
// system (AlignedBuffer::discard): each as long as somebody keeps a record on it. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

#include "base/aligned_buffer.h"

namespace kith {

class KeptPages {
 public:
  /// Before a record of so many bytes is written.
  void keep(const std::byte* record, size_t bytes) {
    for_each_page(record, bytes, [&](uintptr_t page) { ++pages_[page]; });
  }

  /// The keeper of this record reads it no more. Gives back those of its pages that nobody keeps, if they end
  /// by `end`.
  void let_go(const std::byte* record, size_t bytes, const std::byte* end) {
    for_each_page(record, bytes, [&](uintptr_t page) {
      const auto kept = pages_.find(page);
      if (kept == pages_.end() || --kept->second > 0) return;
      pages_.erase(kept);
      if (page + kPage <= reinterpret_cast<uintptr_t>(end)) give_back(page, page + kPage);
    });
  }

  /// AlignedBuffer::discard of all in [from, to) but what is kept.
  void discard_others(std::byte* from, std::byte* to) const {
    const auto end = reinterpret_cast<uintptr_t>(to);
    uintptr_t begin = page_of(from);
    for (auto kept = pages_.lower_bound(begin); kept != pages_.end() && kept->first < end; ++kept) {
      give_back(begin, kept->first);
      begin = kept->first + kPage;
    }
    if (begin < end) give_back(begin, end);
  }

  size_t bytes() const { return pages_.size() * kPage; }

 private:
  static constexpr uintptr_t kPage = AlignedBuffer::kPage;

  static uintptr_t page_of(const std::byte* at) { return reinterpret_cast<uintptr_t>(at) / kPage * kPage; }
  static void give_back(uintptr_t from, uintptr_t to) {
    AlignedBuffer::discard(reinterpret_cast<std::byte*>(from), reinterpret_cast<std::byte*>(to));
  }
  template <typename Visit>
  static void for_each_page(const std::byte* record, size_t bytes, Visit visit) {
    for (uintptr_t page = page_of(record); page < reinterpret_cast<uintptr_t>(record + bytes); page += kPage)
      visit(page);
  }

  std::map<uintptr_t, uint32_t> pages_;  // where they begin, and how many keep each
};

}  // namespace kith
