#include "bench/recovery/recorder.h"

#include "query/collection/local_database.h"
#include "storage/kv/memory_kv_store.h"

namespace kith::bench {
namespace {

/// One thread writes.
class RecordingStore final : public KvStore {
 public:
  explicit RecordingStore(std::shared_ptr<std::vector<StoreBatch>> written)
      : written_(std::move(written)), store_(make_memory_kv_store(std::make_shared<MemoryKvData>())) {}

  Result<void> write(const KvBatch& batch, KvSurvives survives) override {
    StoreBatch& copy = written_->emplace_back();
    batch.for_each([&](const KvBatch::Change& change) {
      CHECK(change.kind != KvBatch::Kind::kEraseRange);  // nobody asks for what makes one
      copy.push_back({change.kind == KvBatch::Kind::kErase, static_cast<uint8_t>(change.table),
                      std::string(change.key), std::string(change.head).append(change.body)});
    });
    return store_->write(batch, survives);
  }
  Result<void> sync() override { return store_->sync(); }
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
  Result<void> health() const override { return store_->health(); }
  Result<void> recover() override { return store_->recover(); }
  KvUsage usage() const override { return store_->usage(); }

 private:
  const std::shared_ptr<std::vector<StoreBatch>> written_;
  const std::unique_ptr<KvStore> store_;
};

}  // namespace

Result<std::unique_ptr<Recorder>> Recorder::create() {
  std::unique_ptr<Recorder> recorder(new Recorder);
  CheckpointPolicy none;
  none.points_min = UINT64_MAX;
  auto engine = std::make_shared<Engine>(recorder->files_, "/", nullptr,
                                         std::make_unique<RecordingStore>(recorder->written_), 1,
                                         DatabaseOptions().async_window);
  recorder->database_ = TRY(LocalDatabase::open(std::move(engine), none, {.background = false}));
  return recorder;
}

std::vector<StoreBatch> Recorder::take() {
  return std::exchange(*written_, {});
}

}  // namespace kith::bench
