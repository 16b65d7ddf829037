#include "storage/kv/fault_kv_store.h"

#include <chrono>
#include <mutex>
#include <new>
#include <thread>

namespace kith {
namespace {

class FailedIterator final : public KvIterator {
 public:
  bool valid() const override { return false; }
  std::string_view key() const override { return {}; }
  std::string_view value() const override { return {}; }
  void next() override {}
  Result<void> status() const override { return corruption("injected: a block does not match its checksum"); }
};

class FaultSnapshot final : public KvSnapshot {
 public:
  FaultSnapshot(std::shared_ptr<const KvSnapshot> wrapped, const KvFaults& faults)
      : wrapped_(std::move(wrapped)), faults_(faults) {}

  Result<std::optional<std::string>> get(KvTable table, std::string_view key) const override {
    if (faults_.reads_fail) return corruption("injected: a block does not match its checksum");
    return wrapped_->get(table, key);
  }
  Result<void> multi_get(KvTable table, std::span<const std::string> keys,
                         const std::function<void(size_t, std::string_view)>& found) const override {
    if (faults_.reads_fail) return corruption("injected: a block does not match its checksum");
    return wrapped_->multi_get(table, keys, found);
  }
  std::unique_ptr<KvIterator> iterate(KvTable table, std::string_view begin,
                                      std::string_view end) const override {
    if (faults_.reads_fail) return std::make_unique<FailedIterator>();
    return wrapped_->iterate(table, begin, end);
  }

 private:
  std::shared_ptr<const KvSnapshot> wrapped_;
  const KvFaults& faults_;
};

class FaultKvStore final : public KvStore {
 public:
  FaultKvStore(std::unique_ptr<KvStore> wrapped, KvFaults& faults)
      : wrapped_(std::move(wrapped)), faults_(faults) {}

  Result<void> write(const KvBatch& batch, KvSurvives survives) override {
    TRY(health());
    ++faults_.writes;
    std::this_thread::sleep_for(std::chrono::milliseconds(faults_.write_ms));
    if (faults_.writes_until_failure >= 0 && faults_.writes_until_failure-- == 0) {
      poison();
      if (faults_.leaves_batch) TRY(wrapped_->write(batch, survives));
      return health();
    }
    if (survives == KvSurvives::kPower) ++faults_.syncs;
    return wrapped_->write(batch, survives);
  }
  Result<void> sync() override {
    TRY(health());
    ++faults_.syncs;
    std::this_thread::sleep_for(std::chrono::milliseconds(faults_.sync_ms));
    return wrapped_->sync();
  }
  std::shared_ptr<const KvSnapshot> snapshot() const override {
    if (faults_.no_memory) throw std::bad_alloc();
    std::lock_guard lock(mutex_);
    return std::make_shared<FaultSnapshot>(frozen_ != nullptr ? frozen_ : wrapped_->snapshot(), faults_);
  }
  Result<void> reclaim(KvTable table, std::string_view begin, std::string_view end) override {
    return wrapped_->reclaim(table, begin, end);
  }
  Result<void> trim() override {
    TRY(health());
    return wrapped_->trim();
  }
  Result<void> hold_files(const std::function<Result<void>(std::span<const KvFile>)>& use) override {
    return wrapped_->hold_files(use);
  }
  Result<void> purge(KvTable table, std::string_view begin, std::string_view end, const Stop& stop) override {
    TRY(health());
    return wrapped_->purge(table, begin, end, stop);
  }
  Result<void> health() const override {
    std::lock_guard lock(mutex_);
    return poison_;
  }
  Result<void> recover() override {
    std::lock_guard lock(mutex_);
    const bool full = !poison_.ok() && poison_.error().code == Code::kResourceExhausted;
    if (!full || faults_.disk_full || faults_.leaves_batch) return poison_;
    frozen_ = nullptr;
    poison_ = {};
    return {};
  }
  KvUsage usage() const override { return wrapped_->usage(); }

 private:
  void poison() {
    std::lock_guard lock(mutex_);
    frozen_ = wrapped_->snapshot();
    if (poison_.ok() && faults_.disk_full) poison_ = resource_exhausted("injected: the disk is full");
    if (poison_.ok()) poison_ = failed_precondition("injected: write failed; the store is read-only");
  }

  std::unique_ptr<KvStore> wrapped_;
  KvFaults& faults_;
  mutable std::mutex mutex_;
  Result<void> poison_;  // guarded by mutex_, as is the next
  std::shared_ptr<const KvSnapshot>
      frozen_;  // the state before the failed write, all that can be read after it
};

}  // namespace

std::unique_ptr<KvStore> make_fault_kv_store(std::unique_ptr<KvStore> wrapped, KvFaults& faults) {
  return std::make_unique<FaultKvStore>(std::move(wrapped), faults);
}

}  // namespace kith
