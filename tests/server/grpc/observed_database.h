// A Database that forwards everything to a real one and watches searches and settles: how many run, when the
// last one ended, and a gate that can hold them before they start.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <new>
#include <utility>

#include "query/database.h"

namespace kith::testing {

class SearchWatch {
 public:
  void begin() {
    std::unique_lock lock(mutex_);
    ++running_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
  }
  void end() {
    std::lock_guard lock(mutex_);
    --running_;
    ended_ = std::chrono::steady_clock::now();
    changed_.notify_all();
  }
  void set_gate(bool open) {
    std::lock_guard lock(mutex_);
    open_ = open;
    changed_.notify_all();
  }
  bool wait_running(int count, std::chrono::milliseconds patience = std::chrono::seconds(10)) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] { return running_ == count; });
  }
  /// As if each write met the end of memory.
  void fail_upserts(bool fail) { upserts_fail_ = fail; }
  bool upserts_fail() const { return upserts_fail_; }
  std::chrono::steady_clock::time_point ended() const {
    std::lock_guard lock(mutex_);
    return ended_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  int running_ = 0;
  bool open_ = true;
  std::atomic<bool> upserts_fail_{false};
  std::chrono::steady_clock::time_point ended_;
};

class ObservedCollection final : public Collection {
 private:
  template <typename Work>
  auto watched(Work work) const {
    watch_.begin();
    auto result = work();
    watch_.end();
    return result;
  }

 public:
  ObservedCollection(std::shared_ptr<Collection> real, SearchWatch& watch)
      : real_(std::move(real)), watch_(watch) {}

  Result<WriteReceipt> upsert(std::span<const Point> p, Durability d) override {
    if (watch_.upserts_fail()) throw std::bad_alloc();
    return real_->upsert(p, d);
  }
  Result<WriteReceipt> remove(std::span<const Id> ids, Durability d) override {
    return real_->remove(ids, d);
  }
  Result<WriteReceipt> remove(const Filter& filter, Durability d, const Stop& stop) override {
    return real_->remove(filter, d, stop);
  }
  Result<WriteReceipt> update(std::span<const PointUpdate> updates, Durability d) override {
    return real_->update(updates, d);
  }
  Result<WriteReceipt> update(const Filter& filter, const Patch& patch, Durability d,
                              const Stop& stop) override {
    return real_->update(filter, patch, d, stop);
  }
  Result<std::vector<std::optional<Point>>> get(std::span<const Id> ids, Fetch f) const override {
    return real_->get(ids, f);
  }
  Result<ScrollPage> scroll(const std::optional<Id>& from, uint32_t limit, Fetch f, const Filter* filter,
                            const Stop& stop) const override {
    return real_->scroll(from, limit, f, filter, stop);
  }
  Result<OrderedPage> scroll_ordered(const OrderedScroll& request) const override {
    return real_->scroll_ordered(request);
  }
  Result<uint64_t> count(const Filter* filter, const Stop& stop) const override {
    return real_->count(filter, stop);
  }
  Result<Facets> facet(const FacetQuery& query) const override { return real_->facet(query); }
  Result<Answer> search(const Query& query) const override {
    return watched([&] { return real_->search(query); });
  }
  Result<std::vector<Answer>> search_batch(std::span<const Query> queries) const override {
    return watched([&] { return real_->search_batch(queries); });
  }
  Result<Answer> range_search(const RangeQuery& query) const override {
    return watched([&] { return real_->range_search(query); });
  }
  Result<Answer> recommend(const RecommendQuery& query) const override {
    return watched([&] { return real_->recommend(query); });
  }
  Result<void> wait_for(uint64_t sequence, const Stop& stop) const override {
    return real_->wait_for(sequence, stop);
  }
  Result<void> settle(const Stop& stop) override {
    return watched([&] { return real_->settle(stop); });
  }
  Result<void> learn(const std::string& field, VectorBlock queries, const Stop& stop) override {
    return watched([&] { return real_->learn(field, queries, stop); });
  }
  Result<std::vector<FieldCalibration>> calibrate(const Stop& stop) override {
    return watched([&] { return real_->calibrate(stop); });
  }
  Result<CheckpointReport> checkpoint() override { return real_->checkpoint(); }
  CollectionInfo info() const override { return real_->info(); }
  const Schema& schema() const override { return real_->schema(); }

 private:
  std::shared_ptr<Collection> real_;
  SearchWatch& watch_;
};

class ObservedDatabase final : public Database {
 public:
  explicit ObservedDatabase(Database& real) : real_(real) {}
  SearchWatch& watch() { return watch_; }

  Result<std::shared_ptr<Collection>> create_collection(const std::string& name,
                                                        const Schema& schema) override {
    return real_.create_collection(name, schema);
  }
  Result<void> drop_collection(const std::string& name) override { return real_.drop_collection(name); }
  Result<void> limit_memory(const std::string& name, uint64_t bytes_max) override {
    return real_.limit_memory(name, bytes_max);
  }
  Result<void> set_recall_target(const std::string& name, double target) override {
    return real_.set_recall_target(name, target);
  }
  Result<std::shared_ptr<Collection>> collection(const std::string& name) const override {
    auto found = TRY(real_.collection(name));
    return std::shared_ptr<Collection>(std::make_shared<ObservedCollection>(std::move(found), watch_));
  }
  std::vector<std::string> collection_names() const override { return real_.collection_names(); }
  Result<VerifyReport> verify(const std::string& name, const Stop& stop) const override {
    return real_.verify(name, stop);
  }
  Result<BackupReport> backup(const std::string& directory, const Stop& stop) override {
    return real_.backup(directory, stop);
  }
  Result<PurgeReceipt> compact(const std::string& name, const Stop& stop) override {
    return real_.compact(name, stop);
  }
  std::optional<BackupProgress> backup_progress() const override { return real_.backup_progress(); }

 private:
  Database& real_;
  mutable SearchWatch watch_;
};

}  // namespace kith::testing
