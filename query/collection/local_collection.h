// LocalCollection: one collection over the engine's KvStore. Order of writes, the read view, recovery.
//
// A write (commit.cc): checked alone, then queued; the leader gives rows to a group of requests, writes them
// as one KvBatch, then lets the indexes and the id map follow, and only then acknowledges. If the KV write
// fails nothing in memory has changed. A crash at any moment leaves, per request, all or nothing.
//
// A read (search.cc, read.cc) sees one state of ids and one snapshot of the store that belong together: while
// a KV write is under way the store is ahead of the id map, so the leader parks a snapshot of the state
// before it (`parked_view_`) for readers; otherwise a fresh snapshot taken under the shared lock is that
// state. The id map decides what is live: what an index returns besides is dropped, and asked again when that
// leaves too little.
//
// At open (replay.cc) everything in memory is built from the store. Upserted points take new rows; rows are
// never reused.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <vector>

#include "query/collection/commit_queue.h"
#include "query/collection/engine.h"
#include "query/collection/field_index.h"
#include "query/database.h"
#include "storage/rows/id_map.h"
#include "storage/rows/keys.h"

namespace kith {

struct Change;

class LocalCollection final : public Collection {
 public:
  /// Builds ids and indexes from what the store holds. Corruption when records do not decode or contradict
  /// each other.
  static Result<std::shared_ptr<LocalCollection>> open(std::shared_ptr<Engine> engine,
                                                       CollectionNumber number, std::string name,
                                                       Schema schema);
  LocalCollection(std::shared_ptr<Engine> engine, CollectionNumber number, std::string name, Schema schema);

  Result<WriteReceipt> upsert(std::span<const Point> points, Durability durability) override;
  Result<WriteReceipt> remove(std::span<const Id> ids, Durability durability) override;
  Result<std::vector<std::optional<Point>>> get(std::span<const Id> ids, Fetch fetch) const override;
  Result<ScrollPage> scroll(const std::optional<Id>& from, uint32_t limit, Fetch fetch) const override;
  Result<uint64_t> count() const override;
  Result<Answer> search(const Query& query) const override;
  Result<std::vector<Answer>> search_batch(std::span<const Query> queries) const override;
  Result<Answer> range_search(const RangeQuery& query) const override;
  Result<void> settle(const Stop& stop) override;
  Result<void> learn(const std::string& field, VectorBlock queries, const Stop& stop) override;
  CollectionInfo info() const override;
  const Schema& schema() const override { return schema_; }

  CollectionNumber number() const { return number_; }
  const std::string& name() const { return name_; }
  /// After it returned every call is NotFound and no write is under way.
  void mark_dropped();
  /// What Database::verify promises, for this collection.
  Result<VerifyReport> verify(const Stop& stop);

 private:
  using View = std::shared_ptr<const KvSnapshot>;
  /// What a search found: live rows of one moment, nearest first, and how to say what they hold.
  struct Found {
    std::vector<Neighbor> neighbors;
    std::vector<std::string> id_keys;  // one per neighbor where view is null
    View view;                         // else: ids, payloads and vectors are read from this
    SearchStats stats;
  };
  /// Of the live rows, nearest first: skip `offset`, keep `count`.
  struct Window {
    size_t offset;
    size_t count;
    size_t wanted() const { return offset + count; }
  };
  struct GroupPlan;

  Result<void> check_alive() const;
  Result<void> learn_alive(const std::string& name, VectorBlock queries, const Stop& stop);
  /// What `read` returns, or NotFound when the collection was dropped before or meanwhile: its data may be
  /// gone by then.
  template <typename Read>
  auto while_alive(Read read) const -> decltype(read()) {
    TRY(check_alive());
    auto result = read();
    TRY(check_alive());
    return result;
  }

  // commit.cc, leader only
  void commit(std::span<WriteRequest* const> group) noexcept;
  Result<void> plan(WriteRequest& request, GroupPlan& plan) const;
  void plan_upserts(WriteRequest& request, GroupPlan& plan, Change& change, WriteReceipt& receipt) const;
  Row plan_tombstone(std::string_view id_key, GroupPlan& plan, Change& change) const;
  void park(View view);
  void apply(const GroupPlan& plan);
  Result<WriteReceipt> submit(WriteRequest& request);

  // read.cc
  Result<std::vector<std::optional<Point>>> get_alive(std::span<const Id> ids, Fetch fetch) const;
  Result<ScrollPage> scroll_alive(const std::optional<Id>& from, uint32_t limit, Fetch fetch) const;
  View view_locked() const;  // under state_mutex_
  Result<std::vector<Point>> read_points(const KvSnapshot& view, std::span<const Row> rows,
                                         Fetch fetch) const;
  Result<void> read_vectors(const KvSnapshot& view, std::span<const Row> rows,
                            std::span<const uint16_t> fields, std::vector<Point>& points) const;

  // search.cc
  Result<std::vector<Answer>> search_batch_alive(std::span<const Query> queries) const;
  Result<Answer> range_search_alive(const RangeQuery& query) const;
  bool scans(const FieldIndex& field, bool exact) const;
  template <typename Ask>
  Result<Found> find(Window window, bool fetches, Ask ask) const;
  Result<Found> search_index(const Query& query, const FieldIndex& field) const;
  Result<Found> range_search_index(const RangeQuery& query, const FieldIndex& field) const;
  Result<std::vector<SearchAnswer>> scan(uint8_t field, VectorBlock queries, size_t k, float distance_max,
                                         const Stop& stop, View& view) const;
  Result<std::vector<Answer>> search_batch_scan(std::span<const Query> queries, uint8_t field) const;
  Result<std::vector<Found>> search_batch_index(std::span<const Query> queries,
                                                const FieldIndex& field) const;
  Result<std::vector<Answer>> search_each(std::span<const Query> queries) const;
  void keep_live(std::vector<Neighbor>& neighbors, Row rows_end) const;
  void take(std::vector<Neighbor> live, Window window, bool fetches, Found& found) const;
  Result<Answer> answer(Found found, const VectorField& field, Fetch fetch,
                        std::optional<float> threshold) const;

  // verify.cc
  Result<VerifyReport> verify_alive(const Stop& stop);
  Result<void> verify_graph(uint8_t position, VerifyReport& report) const;
  Result<void> verify_index(const KvSnapshot& view, uint8_t position, Row next_row, const Stop& stop,
                            VerifyReport& report) const;

  // replay.cc
  Result<void> replay();
  Result<void> replay_ids(const KvSnapshot& view, uint64_t points);
  Result<void> replay_field(const KvSnapshot& view, uint8_t position);

  const std::shared_ptr<Engine> engine_;  // first: outlives the indexes, which use its pool
  const CollectionNumber number_;
  const std::string name_;
  const Schema schema_;
  std::vector<std::unique_ptr<FieldIndex>> fields_;  // as in schema_
  CommitQueue queue_;
  std::atomic<bool> dropped_{false};

  // Changed by the leader alone, under the mutex; so the leader may read them without it.
  mutable std::shared_mutex state_mutex_;
  IdMap ids_;
  uint64_t sequence_ = 0;
  std::atomic<Row> next_row_{0};  // searches read it without the mutex: rows from it on are not there yet
  View parked_view_;              // the store as these say, while a KV write is under way
  std::atomic<uint64_t> removals_{0};  // groups that took rows out of ids_
};

}  // namespace kith
