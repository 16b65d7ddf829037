#include "tests/crash/machine.h"

#include <atomic>
#include <mutex>

#include "query/collection/local_database.h"
#include "storage/kv/memory_kv_store.h"

namespace kith::crash {

/// What a disk holds of a store: all up to the last sync, and batches after it.
class StoreLog {
 public:
  void add(const KvBatch& batch, bool synced) {
    std::lock_guard lock(mutex_);
    batches_.push_back(copy(batch));
    if (synced) settle(batches_.size());
  }
  void sync() {
    std::lock_guard lock(mutex_);
    settle(batches_.size());
  }
  /// A prefix of what was not synced survives.
  void lose_power(Random& random) {
    std::lock_guard lock(mutex_);
    settle(random.below(batches_.size() + 1));
    batches_.clear();
  }
  /// Another store with what is durable.
  std::unique_ptr<KvStore> open() {
    std::lock_guard lock(mutex_);
    auto live = std::make_shared<MemoryKvData>();
    for (size_t table = 0; table < kKvTables; ++table) live->tables[table] = durable_->tables[table];
    live->sequence = durable_->sequence;
    return make_memory_kv_store(std::move(live));
  }

  std::atomic<bool> power{true};

 private:
  /// Without what is borrowed.
  static KvBatch copy(const KvBatch& batch) {
    KvBatch out;
    batch.for_each([&](const KvBatch::Change& change) {
      switch (change.kind) {
        case KvBatch::Kind::kPut:
          return out.put(change.table, change.key, std::string(change.head).append(change.body));
        case KvBatch::Kind::kErase:
          return out.erase(change.table, change.key);
        case KvBatch::Kind::kEraseRange:
          return out.erase_range(change.table, change.key, change.head);
      }
    });
    return out;
  }
  void settle(size_t count) {
    for (size_t i = 0; i < count; ++i) CHECK(disk_->write(batches_[i], KvSurvives::kPower).ok());
    batches_.erase(batches_.begin(), batches_.begin() + static_cast<std::ptrdiff_t>(count));
  }

  std::mutex mutex_;
  std::shared_ptr<MemoryKvData> durable_ = std::make_shared<MemoryKvData>();
  std::unique_ptr<KvStore> disk_ = make_memory_kv_store(durable_);
  std::vector<KvBatch> batches_;
};

namespace {

constexpr const char* kDirectory = "/kith";
constexpr auto kNoWindow = std::chrono::hours(1);  // nothing is synced by the clock

class LoggedStore final : public KvStore {
 public:
  explicit LoggedStore(StoreLog& log) : log_(log), store_(log.open()) {}
  ~LoggedStore() override {
    if (log_.power) log_.sync();
  }
  Result<void> write(const KvBatch& batch, KvSurvives survives) override {
    TRY(health());
    log_.add(batch, survives == KvSurvives::kPower);
    return store_->write(batch, survives);
  }
  Result<void> sync() override {
    TRY(health());
    log_.sync();
    return {};
  }
  std::shared_ptr<const KvSnapshot> snapshot() const override { return store_->snapshot(); }
  Result<void> reclaim(KvTable table, std::string_view begin, std::string_view end) override {
    return store_->reclaim(table, begin, end);
  }
  Result<void> trim() override { return store_->trim(); }
  Result<void> hold_files(const std::function<Result<void>(std::span<const KvFile>)>& use) override {
    return store_->hold_files(use);
  }
  Result<void> purge(KvTable table, std::string_view begin, std::string_view end, const Stop& stop) override {
    return store_->purge(table, begin, end, stop);
  }
  Result<void> health() const override {
    if (log_.power) return {};
    return failed_precondition("the power is gone");
  }
  Result<void> recover() override { return health(); }
  KvUsage usage() const override { return store_->usage(); }

 private:
  StoreLog& log_;
  const std::unique_ptr<KvStore> store_;
};

}  // namespace

Machine::Machine(uint64_t seed, bool rocksdb, const CheckpointPolicy& policy)
    : clock_(0, 1'000'000),
      disk_(memory_, seed),
      random_(seed),
      policy_(policy),
      log_(rocksdb ? nullptr : std::make_unique<StoreLog>()) {}

Machine::~Machine() = default;

Result<std::unique_ptr<Database>> Machine::open() {
  if (log_ != nullptr) {
    TRY(make_durable_directories(disk_, kDirectory));
    return LocalDatabase::open(
        std::make_shared<Engine>(disk_, kDirectory, nullptr, std::make_unique<LoggedStore>(*log_), 1,
                                 kNoWindow, clock_),
        policy_);
  }
  DatabaseOptions options;
  options.checkpoints = policy_;
  options.async_window = kNoWindow;
  options.index_threads = 1;
  options.memtable_bytes = 128u << 10;
  options.fs = &disk_;
  options.clock = &clock_;
  return Database::open(kDirectory, options);
}

void Machine::crash(std::unique_ptr<Database> db) {
  disk_.arm({.nth = 1, .forever = true});  // whatever the dying process does, the disk does not hear of it
  if (log_ != nullptr) log_->power = false;
  db.reset();
  disk_.disarm();
  PowerLoss how;
  how.names = static_cast<PowerLoss::Names>(random_.below(3));
  how.bytes = static_cast<PowerLoss::Bytes>(random_.below(4));
  CHECK(disk_.power_loss(how).ok());
  if (log_ == nullptr) return;
  log_->lose_power(random_);
  log_->power = true;
}

}  // namespace kith::crash
