// KvBatch: changes that reach a KvStore together or not at all, in the order in which they were added.
// A value type. Keys and small values are copied into one arena; a large value (a vector) may be borrowed
// instead, so that it is copied only once, by the store, on its way to the write-ahead log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kith {

/// Two keyspaces of one store, written by one batch. They differ in how values are kept, not in what they
/// promise.
enum class KvTable : uint8_t {
  kRecords = 0,  // catalog, ids, rows, change log: small values, compressed
  kVectors = 1,  // raw vectors: values apart from keys (blob files), never rewritten by ordinary compaction
};
inline constexpr size_t kKvTables = 2;

class KvBatch {
 public:
  enum class Kind : uint8_t { kPut, kErase, kEraseRange };

  /// One change as `for_each` shows it. `value` is head then body; for kEraseRange `key` is the first key of
  /// the range and `head` the first key after it.
  struct Change {
    Kind kind;
    KvTable table;
    std::string_view key;
    std::string_view head;
    std::string_view body;
  };

  void put(KvTable table, std::string_view key, std::string_view value);
  /// The value is `head` (copied) then `body` (borrowed): its bytes must stay until the batch was written or
  /// dropped.
  void put_borrowed(KvTable table, std::string_view key, std::string_view head, std::string_view body);
  void erase(KvTable table, std::string_view key);
  /// Every key in [begin, end).
  void erase_range(KvTable table, std::string_view begin, std::string_view end);

  void clear();
  size_t count() const { return ops_.size(); }
  bool empty() const { return ops_.empty(); }
  /// Bytes of all keys and values, borrowed ones too.
  size_t bytes() const { return arena_.size() + borrowed_bytes_; }

  template <typename Visit>
  void for_each(Visit visit) const {
    for (const Op& op : ops_) visit(change_of(op));
  }

 private:
  struct Op {
    Kind kind;
    KvTable table;
    uint32_t key_bytes;
    size_t key_at;  // in arena_; the head follows the key
    size_t head_bytes;
    const char* body;
    size_t body_bytes;
  };

  void append(Kind kind, KvTable table, std::string_view key, std::string_view head, std::string_view body);
  Change change_of(const Op& op) const;

  std::string arena_;
  std::vector<Op> ops_;
  size_t borrowed_bytes_ = 0;
};

}  // namespace kith
