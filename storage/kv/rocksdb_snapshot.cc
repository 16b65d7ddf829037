#include "storage/kv/rocksdb_snapshot.h"

#include <algorithm>

namespace kith {
namespace {

constexpr size_t kMultiGetChunk = 1024;  // bounds the memory that one multi_get pins

class RocksIterator final : public KvIterator {
 public:
  RocksIterator(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family, rocksdb::ReadOptions options,
                const std::string& directory, std::string_view begin, std::string_view end)
      : directory_(directory), end_(end), end_slice_(rocks_slice(end_)) {
    options.iterate_upper_bound = &end_slice_;
    options.fill_cache = false;  // walks are long and read once
    it_.reset(db.NewIterator(options, family));
    it_->Seek(rocks_slice(begin));
  }

  bool valid() const override { return it_->Valid(); }
  std::string_view key() const override { return rocks_view(it_->key()); }
  std::string_view value() const override { return rocks_view(it_->value()); }
  void next() override { it_->Next(); }
  Result<void> status() const override {
    if (it_->status().ok()) return {};
    return rocks_read_error(directory_, it_->status());
  }

 private:
  const std::string& directory_;
  const std::string end_;
  const rocksdb::Slice end_slice_;
  std::unique_ptr<rocksdb::Iterator> it_;
};

}  // namespace

bool is_out_of_space(const rocksdb::Status& status) {
  if (status.IsNoSpace() || status.subcode() == rocksdb::Status::kSpaceLimit) return true;
  const std::string text = status.ToString();  // EFBIG and EDQUOT have no subcode
  return text.find("File too large") != std::string::npos || text.find("quota exceeded") != std::string::npos;
}

Error rocks_call_error(const std::string& directory, const char* what, const rocksdb::Status& status) {
  if (is_out_of_space(status) || status.IsMemoryLimit())
    return resource_exhausted("store '{}': {} failed: {}", directory, what, status.ToString());
  if (status.IsCorruption()) return rocks_read_error(directory, status);
  return unavailable("store '{}': {} failed: {}", directory, what, status.ToString());
}

Error rocks_read_error(const std::string& directory, const rocksdb::Status& status) {
  if (status.IsCorruption())
    return corruption("store '{}': stored bytes are damaged: {}", directory, status.ToString());
  if (status.IsMemoryLimit()) return resource_exhausted("store '{}': {}", directory, status.ToString());
  return unavailable("store '{}': cannot read: {}", directory, status.ToString());
}

rocksdb::ReadOptions RocksSnapshot::options() const {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot_;
  return options;
}

Result<std::optional<std::string>> RocksSnapshot::get(KvTable table, std::string_view key) const {
  std::string value;
  const auto status =
      rocks_guarded([&] { return db_.Get(options(), family(table), rocks_slice(key), &value); });
  if (status.IsNotFound()) return std::optional<std::string>{};
  if (!status.ok()) return rocks_read_error(directory_, status);
  return std::optional<std::string>(std::move(value));
}

Result<void> RocksSnapshot::multi_get(KvTable table, std::span<const std::string> keys,
                                      const std::function<void(size_t, std::string_view)>& found) const {
  if (table == KvTable::kVectors) return get_each(table, keys, found);
  for (size_t from = 0; from < keys.size(); from += kMultiGetChunk)
    TRY(get_chunk(table, keys.subspan(from, std::min(kMultiGetChunk, keys.size() - from)), from, found));
  return {};
}

std::unique_ptr<KvIterator> RocksSnapshot::iterate(KvTable table, std::string_view begin,
                                                   std::string_view end) const {
  return std::make_unique<RocksIterator>(db_, family(table), options(), directory_, begin, end);
}

/// MultiGet of RocksDB 7.8 reads all of a blob file's values in one call, and where each of their places is
/// wrong, since a table is damaged, in a call for none, on which an assertion ends the process.
Result<void> RocksSnapshot::get_each(KvTable table, std::span<const std::string> keys,
                                     const std::function<void(size_t, std::string_view)>& found) const {
  const rocksdb::ReadOptions read = options();
  rocksdb::PinnableSlice value;
  for (size_t i = 0; i < keys.size(); ++i) {
    const auto status =
        rocks_guarded([&] { return db_.Get(read, family(table), rocks_slice(keys[i]), &value); });
    if (!status.ok() && !status.IsNotFound()) return rocks_read_error(directory_, status);
    if (status.ok()) found(i, rocks_view(value));
    value.Reset();
  }
  return {};
}

Result<void> RocksSnapshot::get_chunk(KvTable table, std::span<const std::string> keys, size_t base,
                                      const std::function<void(size_t, std::string_view)>& found) const {
  std::vector<rocksdb::Slice> slices(keys.begin(), keys.end());
  std::vector<rocksdb::PinnableSlice> values(keys.size());
  std::vector<rocksdb::Status> statuses(keys.size());
  const auto thrown = rocks_guarded([&] {
    db_.MultiGet(options(), family(table), slices.size(), slices.data(), values.data(), statuses.data());
    return rocksdb::Status::OK();
  });
  if (!thrown.ok()) return rocks_read_error(directory_, thrown);
  for (size_t i = 0; i < keys.size(); ++i) {
    if (statuses[i].IsNotFound()) continue;
    if (!statuses[i].ok()) return rocks_read_error(directory_, statuses[i]);
    found(base + i, rocks_view(values[i]));
  }
  return {};
}

}  // namespace kith
