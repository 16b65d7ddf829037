// A KvStore whose own allocations do not count for AllocationFault: RocksDB is not ours, and does not promise
// to live through std::bad_alloc. What it calls back counts.
#pragma once

#include "storage/kv/kv_store.h"
#include "tests/memory/failing_new.h"

namespace kith::test {

class UncountedIterator final : public KvIterator {
 public:
  explicit UncountedIterator(std::unique_ptr<KvIterator> wrapped) : wrapped_(std::move(wrapped)) {}
  ~UncountedIterator() override {
    const Uncounted guard;
    wrapped_.reset();
  }
  bool valid() const override { return wrapped_->valid(); }
  std::string_view key() const override { return wrapped_->key(); }
  std::string_view value() const override {
    const Uncounted guard;
    return wrapped_->value();
  }
  void next() override {
    const Uncounted guard;
    wrapped_->next();
  }
  Result<void> status() const override {
    const Uncounted guard;
    return wrapped_->status();
  }

 private:
  std::unique_ptr<KvIterator> wrapped_;
};

class UncountedSnapshot final : public KvSnapshot {
 public:
  explicit UncountedSnapshot(std::shared_ptr<const KvSnapshot> wrapped) : wrapped_(std::move(wrapped)) {}
  ~UncountedSnapshot() override {
    const Uncounted guard;
    wrapped_.reset();
  }
  Result<std::optional<std::string>> get(KvTable table, std::string_view key) const override {
    const Uncounted guard;
    return wrapped_->get(table, key);
  }
  Result<void> multi_get(KvTable table, std::span<const std::string> keys,
                         const std::function<void(size_t, std::string_view)>& found) const override {
    const Uncounted guard;
    return wrapped_->multi_get(table, keys, [&](size_t i, std::string_view value) {
      const CountedAgain ours;
      found(i, value);
    });
  }
  std::unique_ptr<KvIterator> iterate(KvTable table, std::string_view begin,
                                      std::string_view end) const override {
    const Uncounted guard;
    return std::make_unique<UncountedIterator>(wrapped_->iterate(table, begin, end));
  }

 private:
  std::shared_ptr<const KvSnapshot> wrapped_;
};

class UncountedStore final : public KvStore {
 public:
  explicit UncountedStore(std::unique_ptr<KvStore> wrapped) : wrapped_(std::move(wrapped)) {}
  ~UncountedStore() override {
    const Uncounted guard;
    wrapped_.reset();
  }
  Result<void> write(const KvBatch& batch, KvSurvives survives) override {
    const Uncounted guard;
    return wrapped_->write(batch, survives);
  }
  Result<void> sync() override {
    const Uncounted guard;
    return wrapped_->sync();
  }
  std::shared_ptr<const KvSnapshot> snapshot() const override {
    const Uncounted guard;
    return std::make_shared<UncountedSnapshot>(wrapped_->snapshot());
  }
  Result<void> reclaim(KvTable table, std::string_view begin, std::string_view end) override {
    const Uncounted guard;
    return wrapped_->reclaim(table, begin, end);
  }
  Result<void> trim() override {
    const Uncounted guard;
    return wrapped_->trim();
  }
  Result<void> hold_files(const std::function<Result<void>(std::span<const KvFile>)>& use) override {
    const Uncounted guard;
    return wrapped_->hold_files([&](std::span<const KvFile> files) {
      const CountedAgain ours;
      return use(files);
    });
  }
  Result<void> purge(KvTable table, std::string_view begin, std::string_view end, const Stop& stop) override {
    const Uncounted guard;
    return wrapped_->purge(table, begin, end, stop);
  }
  Result<void> recover() override {
    const Uncounted guard;
    return wrapped_->recover();
  }
  KvUsage usage() const override {
    const Uncounted guard;
    return wrapped_->usage();
  }
  Result<void> health() const override {
    const Uncounted guard;
    return wrapped_->health();
  }

 private:
  std::unique_ptr<KvStore> wrapped_;
};

}  // namespace kith::test
