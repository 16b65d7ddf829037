// RocksDB as it stood at one moment, read as a KvSnapshot, and its statuses in our words.
#pragma once

#include <rocksdb/db.h>

#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "storage/kv/kv_store.h"

namespace kith {

/// Of the column families, as KvTable counts them.
using RocksFamilies = std::vector<rocksdb::ColumnFamilyHandle*>;

inline rocksdb::Slice rocks_slice(std::string_view text) {
  return {text.data(), text.size()};
}
inline std::string_view rocks_view(const rocksdb::Slice& text) {
  return {text.data(), text.size()};
}

bool is_out_of_space(const rocksdb::Status& status);
/// What it means that reading the store in `directory` failed.
Error rocks_read_error(const std::string& directory, const rocksdb::Status& status);

/// What it means that something else failed there.
Error rocks_call_error(const std::string& directory, const char* what, const rocksdb::Status& status);

/// Runs a call into RocksDB; what it throws (only bad_alloc is known to happen) becomes a status.
template <typename Call>
auto rocks_guarded(Call call) -> decltype(call()) {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    return rocksdb::Status::MemoryLimit("out of memory");
  } catch (const std::exception& thrown) {
    return rocksdb::Status::Aborted(thrown.what());
  }
}

/// All three arguments outlive it.
class RocksSnapshot final : public KvSnapshot {
 public:
  RocksSnapshot(rocksdb::DB& db, const RocksFamilies& families, const std::string& directory)
      : db_(db), families_(families), directory_(directory), snapshot_(db.GetSnapshot()) {}
  ~RocksSnapshot() override { db_.ReleaseSnapshot(snapshot_); }
  RocksSnapshot(const RocksSnapshot&) = delete;
  RocksSnapshot& operator=(const RocksSnapshot&) = delete;

  Result<std::optional<std::string>> get(KvTable table, std::string_view key) const override;
  Result<void> multi_get(KvTable table, std::span<const std::string> keys,
                         const std::function<void(size_t, std::string_view)>& found) const override;
  std::unique_ptr<KvIterator> iterate(KvTable table, std::string_view begin,
                                      std::string_view end) const override;

 private:
  rocksdb::ReadOptions options() const;
  rocksdb::ColumnFamilyHandle* family(KvTable table) const { return families_[static_cast<size_t>(table)]; }
  Result<void> get_each(KvTable table, std::span<const std::string> keys,
                        const std::function<void(size_t, std::string_view)>& found) const;
  Result<void> get_chunk(KvTable table, std::span<const std::string> keys, size_t base,
                         const std::function<void(size_t, std::string_view)>& found) const;

  rocksdb::DB& db_;
  const RocksFamilies& families_;
  const std::string& directory_;
  const rocksdb::Snapshot* snapshot_;
};

}  // namespace kith
