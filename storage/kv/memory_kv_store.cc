#include "storage/kv/memory_kv_store.h"

#include <algorithm>

namespace kith {
namespace {

using Data = MemoryKvData;

/// The value a reader at `sequence` sees; null where there is none.
const std::string* visible(const std::vector<Data::Version>& versions, uint64_t sequence) {
  for (auto version = versions.rbegin(); version != versions.rend(); ++version)
    if (version->sequence <= sequence) return version->value.get();
  return nullptr;
}

class MemoryIterator final : public KvIterator {
 public:
  MemoryIterator(std::vector<std::pair<std::string, std::string>> entries) : entries_(std::move(entries)) {}
  bool valid() const override { return at_ < entries_.size(); }
  std::string_view key() const override { return entries_[at_].first; }
  std::string_view value() const override { return entries_[at_].second; }
  void next() override { ++at_; }
  Result<void> status() const override { return {}; }

 private:
  std::vector<std::pair<std::string, std::string>> entries_;
  size_t at_ = 0;
};

class MemorySnapshot final : public KvSnapshot {
 public:
  explicit MemorySnapshot(std::shared_ptr<Data> data) : data_(std::move(data)) {
    std::lock_guard lock(data_->mutex);
    sequence_ = data_->sequence;
    data_->pins.insert(sequence_);
  }
  ~MemorySnapshot() override {
    std::lock_guard lock(data_->mutex);
    data_->pins.erase(data_->pins.find(sequence_));
  }

  Result<std::optional<std::string>> get(KvTable table, std::string_view key) const override {
    std::lock_guard lock(data_->mutex);
    const Data::Table& map = data_->tables[static_cast<size_t>(table)];
    auto found = map.find(key);
    const std::string* value = found == map.end() ? nullptr : visible(found->second, sequence_);
    return value == nullptr ? std::optional<std::string>{} : std::optional<std::string>(*value);
  }

  Result<void> multi_get(KvTable table, std::span<const std::string> keys,
                         const std::function<void(size_t, std::string_view)>& found) const override {
    for (size_t i = 0; i < keys.size(); ++i) {
      const std::optional<std::string> value = TRY(get(table, keys[i]));
      if (value.has_value()) found(i, *value);
    }
    return {};
  }

  std::unique_ptr<KvIterator> iterate(KvTable table, std::string_view begin,
                                      std::string_view end) const override {
    std::lock_guard lock(data_->mutex);
    const Data::Table& map = data_->tables[static_cast<size_t>(table)];
    std::vector<std::pair<std::string, std::string>> entries;
    for (auto at = map.lower_bound(begin); at != map.end() && at->first < end; ++at)
      if (const std::string* value = visible(at->second, sequence_)) entries.emplace_back(at->first, *value);
    return std::make_unique<MemoryIterator>(std::move(entries));
  }

 private:
  std::shared_ptr<Data> data_;
  uint64_t sequence_;
};

class MemoryKvStore final : public KvStore {
 public:
  explicit MemoryKvStore(std::shared_ptr<Data> data) : data_(std::move(data)) {}

  Result<void> write(const KvBatch& batch, KvSurvives) override {
    std::lock_guard lock(data_->mutex);
    ++data_->sequence;
    batch.for_each([&](const KvBatch::Change& change) { apply(change); });
    return {};
  }
  Result<void> sync() override { return {}; }
  std::shared_ptr<const KvSnapshot> snapshot() const override {
    return std::make_shared<MemorySnapshot>(data_);
  }
  Result<void> reclaim(KvTable, std::string_view, std::string_view) override { return {}; }
  Result<void> trim() override { return {}; }
  /// It has none.
  Result<void> hold_files(const std::function<Result<void>(std::span<const KvFile>)>& use) override {
    return use({});
  }
  Result<void> purge(KvTable, std::string_view, std::string_view, const Stop&) override { return {}; }
  Result<void> health() const override { return {}; }
  Result<void> recover() override { return {}; }
  KvUsage usage() const override { return {}; }

 private:
  void apply(const KvBatch::Change& change) {
    Data::Table& table = data_->tables[static_cast<size_t>(change.table)];
    switch (change.kind) {
      case KvBatch::Kind::kPut: {
        auto value = std::make_shared<std::string>(change.head);
        value->append(change.body);
        return push(table, std::string(change.key), std::move(value));
      }
      case KvBatch::Kind::kErase:
        return push(table, std::string(change.key), nullptr);
      case KvBatch::Kind::kEraseRange: {
        std::vector<std::string> keys;
        for (auto at = table.lower_bound(change.key); at != table.end() && at->first < change.head; ++at)
          keys.push_back(at->first);
        for (std::string& key : keys) push(table, std::move(key), nullptr);
      }
    }
  }

  /// Adds a version and drops those that no snapshot can see any more.
  void push(Data::Table& table, std::string key, std::shared_ptr<const std::string> value) {
    auto entry = table.try_emplace(std::move(key)).first;
    std::vector<Data::Version>& versions = entry->second;
    if (!versions.empty() && versions.back().sequence == data_->sequence) versions.pop_back();
    const uint64_t oldest = data_->pins.empty() ? data_->sequence : *data_->pins.begin();
    auto keep = std::find_if(versions.rbegin(), versions.rend(),
                             [&](const Data::Version& version) { return version.sequence <= oldest; });
    const bool seen = keep != versions.rend() && !data_->pins.empty();
    versions.erase(versions.begin(), seen ? std::prev(keep.base()) : keep.base());
    if (value == nullptr && versions.empty()) {
      table.erase(entry);
      return;
    }
    versions.push_back({data_->sequence, std::move(value)});
  }

  std::shared_ptr<Data> data_;
};

}  // namespace

std::unique_ptr<KvStore> make_memory_kv_store(std::shared_ptr<MemoryKvData> data) {
  return std::make_unique<MemoryKvStore>(std::move(data));
}

}  // namespace kith
