// RecentQueries: a sample of the queries that one field was asked of late, for whoever measures what they
// find. Memory alone: nothing of a query is ever written to a file.
//
// A ring of the last ones taken: the first thousand asked, then one in eight. Searches pay one atomic
// increment each, and one in eight a copy of its vector; none waits for more than another's swap of a
// pointer.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "query/types.h"

namespace kith {

struct AskedQuery {
  std::vector<std::byte> vector;  // query_type(field.type), packed
  uint32_t k = 0;                 // offset included
  uint32_t effort = 0;
  double recall_target = 0;  // what it was to find, its own or the collection's; 0: it said an effort
  std::optional<Filter> filter;
};

class RecentQueries {
 public:
  /// Of vectors of so many bytes.
  explicit RecentQueries(size_t vector_bytes);

  /// Perhaps takes it. Any thread.
  void offer(const Query& query, double recall_target);

  /// The newest ones, newest first, at most `count`.
  std::vector<std::shared_ptr<const AskedQuery>> newest(size_t count) const;
  /// One that this function has not given yet since it was taken or `give_again` was called, the newest; or
  /// null.
  std::shared_ptr<const AskedQuery> next();
  void give_again();

  size_t size() const;
  uint64_t memory_bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  struct Slot {
    std::shared_ptr<const AskedQuery> query;
    bool given = false;
  };
  static constexpr uint64_t kAllOf = 1'000;
  static constexpr uint64_t kOneIn = 8;

  static uint64_t bytes_of(const AskedQuery& query);
  size_t place(size_t age) const { return (end_ + ring_.size() - 1 - age) % ring_.size(); }

  std::atomic<uint64_t> asked_{0};
  std::atomic<uint64_t> bytes_{0};
  const size_t slots_;
  mutable std::mutex mutex_;  // guards all below
  std::vector<Slot> ring_;    // up to slots_
  size_t end_ = 0;            // where the next one goes
};

}  // namespace kith
