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
// leaves too little. So are points that have expired, which the purge removes later, by writes like others.
//
// A checkpoint (checkpoint.cc) keeps ids and indexes in files while writers go on; at open (replay.cc) what
// is in memory comes from them and the change log after them, and from the store alone where they are missing
// or damaged: a field whose index is built anew (rebuild.cc) is answered by exact scan meanwhile. Upserted
// points take new rows; rows are never reused.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "base/row_set.h"
#include "query/collection/commit_queue.h"
#include "query/collection/engine.h"
#include "query/collection/field_index.h"
#include "query/database.h"
#include "storage/checkpoint/checkpoint_directory.h"
#include "storage/log/change_log.h"
#include "storage/rows/expiry_map.h"
#include "storage/rows/id_map.h"
#include "storage/rows/keys.h"

namespace kith {

class LocalCollection final : public Collection {
 public:
  /// Restores ids and indexes from the checkpoint and the store. Corruption when records do not decode or
  /// contradict each other; a checkpoint that cannot be used only costs time.
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
  Result<void> wait_for(uint64_t sequence, const Stop& stop) const override;
  Result<void> settle(const Stop& stop) override;
  Result<void> learn(const std::string& field, VectorBlock queries, const Stop& stop) override;
  CollectionInfo info() const override;
  const Schema& schema() const override { return schema_; }

  CollectionNumber number() const { return number_; }
  const std::string& name() const { return name_; }
  /// After it returned every call is NotFound and no write is under way.
  void mark_dropped();
  /// 0: no limit of its own.
  void limit_memory(uint64_t bytes_max);
  /// Takes stock of what indexes, ids and expiries hold. Any thread.
  void sample_memory();
  /// Removes points that have expired, a batch of them; true when there may be more.
  bool purge();
  /// What Database::verify promises, for this collection.
  Result<VerifyReport> verify(const Stop& stop);

  /// What Database::compact promises.
  Result<PurgeReceipt> compact(const Stop& stop);

  Result<CheckpointReport> checkpoint() override;
  /// What the next open would have to do again, without another checkpoint.
  struct Unsaved {
    uint64_t bytes = 0;  // of changes since the last one began
    bool any = false;    // there is something
    uint64_t points = 0;
    uint64_t saved_bytes = 0;                     // that the last checkpoint wrote
    std::chrono::steady_clock::time_point since;  // the last one, or the open
  };
  Unsaved unsaved() const;
  /// As CheckpointDirectory::pin.
  std::shared_ptr<const Manifest> pin_checkpoint() { return checkpoints_.pin(); }
  bool dropped() const { return dropped_.load(); }

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
  /// What became of a row that an id lived in.
  struct Tombstone {
    bool stored = false;  // there was one
    bool seen = false;    // and it had not expired
  };

  Result<void> check_alive() const;
  Result<void> learn_alive(const std::string& name, VectorBlock queries, const Stop& stop);
  /// What `read` returns, or NotFound when the collection was dropped before or meanwhile: its data may be
  /// gone by then.
  template <typename Read>
  auto while_alive(Read read) const -> decltype(read()) {
    TRY(check_alive());
    try {
      auto result = read();
      TRY(check_alive());
      return result;
    } catch (const std::bad_alloc&) {
      return no_memory();
    }
  }

  Error no_memory() const;

  /// Room for a batch in memory, until it is written, and on the disk; or ResourceExhausted.
  Result<MemoryReservation> admit(const CheckedBatch& batch);
  uint64_t memory_bytes() const;
  /// What a checkpoint lacks that writes do not tell of.
  struct LinkState {
    uint64_t pending = 0;  // rows that wait to be linked
    size_t usable = 0;     // fields
    bool operator==(const LinkState&) const = default;
  };
  LinkState link_state() const;
  uint64_t checkpoint_bytes() const;

  // commit.cc, leader only
  void commit(std::span<WriteRequest* const> group) noexcept;
  Result<void> plan(WriteRequest& request, GroupPlan& plan);
  void plan_upserts(WriteRequest& request, GroupPlan& plan, Change& change, WriteReceipt& receipt) const;
  std::vector<std::string> expired_ids(const GroupPlan& plan) const;
  Tombstone plan_tombstone(std::string_view id_key, GroupPlan& plan, Change& change) const;
  void park(View view);
  void apply(const GroupPlan& plan);
  Result<WriteReceipt> submit(WriteRequest& request);

  // read.cc
  Result<std::vector<std::optional<Point>>> get_alive(std::span<const Id> ids, Fetch fetch) const;
  Result<ScrollPage> scroll_alive(const std::optional<Id>& from, uint32_t limit, Fetch fetch) const;
  View view_locked() const;       // under state_mutex_
  RowSet expired_locked() const;  // rows that no read shows from now on; under state_mutex_
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
  void keep_live(std::vector<Neighbor>& neighbors, Row rows_end, uint64_t now_ms) const;
  void take(std::vector<Neighbor> live, Window window, bool fetches, Found& found) const;
  Result<Answer> answer(Found found, const VectorField& field, Fetch fetch,
                        std::optional<float> threshold) const;

  // verify.cc
  Result<VerifyReport> verify_alive(const Stop& stop);
  Result<void> verify_graph(uint8_t position, VerifyReport& report) const;
  void verify_checkpoint(VerifyReport& report);
  Result<void> verify_index(const KvSnapshot& view, uint8_t position, Row next_row, const Stop& stop,
                            VerifyReport& report) const;

  // checkpoint.cc
  Result<CheckpointReport> write_checkpoint();
  Result<void> write_ids(CheckpointOutput& output, Row rows_end) const;
  Result<void> trim_log(uint64_t sequence);

  // replay.cc
  Result<void> replay();
  Result<std::optional<ChangeTail>> read_checkpoint(const KvSnapshot& view);
  Result<void> restore_ids(const KvSnapshot& view, const ChangeTail& tail, const Change& last);
  Result<void> replay_ids(const KvSnapshot& view, const Change& last);
  Result<void> replay_expiries(const KvSnapshot& view);
  Result<void> check_counts(const Change& last) const;
  Result<void> without_index(FieldIndex& field, const Error& error) const;
  Result<void> replay_field(const KvSnapshot& view, uint8_t position, const ChangeTail* tail);
  Result<std::unique_ptr<Index>> restore_field(uint8_t position, const ChangeTail& tail) const;

  // rebuild.cc
  /// Adds the stored vectors of rows from `first` on; Corruption where one is not among `ids`, if there are
  /// any. `added` hears of each step; false ends it. The row after the last one.
  Result<Row> add_stored(const KvSnapshot& view, uint8_t position, Row first, Index& index, const IdMap* ids,
                         const std::function<bool(Row)>& added) const;
  void start_rebuild(uint8_t position);
  void rebuild(uint8_t position, const std::stop_token& token);
  Result<void> wait_for_rebuild(const FieldIndex& field, const Stop& stop) const;
  /// Another index that knows live rows alone takes the place of this one, which is gone on return.
  Result<void> replace_index(uint8_t position, const Stop& stop);
  /// The field's progress is set already.
  Result<void> rebuild_index(uint8_t position, const Stop& stop);
  Result<void> swap_index(uint8_t position, Row next, std::unique_ptr<Index> index, const Stop& stop);

  // compact.cc
  Result<PurgeReceipt> compact_alive(const Stop& stop);
  Result<uint64_t> removed_before() const;

  const std::shared_ptr<Engine> engine_;  // first: outlives the indexes, which use its pool
  const CollectionNumber number_;
  const std::string name_;
  const Schema schema_;
  std::vector<std::unique_ptr<FieldIndex>> fields_;  // as in schema_
  CommitQueue queue_;
  std::atomic<bool> dropped_{false};
  MemoryBudget memory_;
  std::mutex memory_mutex_;
  MemoryReservation held_;  // guarded by memory_mutex_: of memory_, as of the last sample

  // Changed by the leader alone, under the mutex; so the leader may read them without it.
  mutable std::shared_mutex state_mutex_;
  IdMap ids_;
  ExpiryMap expiries_;
  uint64_t sequence_ = 0;
  uint64_t stamp_ = 0;            // of the change log's last entry
  Random stamps_;                 // the leader's own
  std::atomic<Row> next_row_{0};  // searches read it without the mutex: rows from it on are not there yet
  View parked_view_;              // the store as these say, while a KV write is under way
  std::atomic<uint64_t> removals_{0};  // groups that took rows out of ids_

  CheckpointDirectory checkpoints_;
  std::mutex checkpoint_mutex_;  // of whoever writes one; held across IO
  std::atomic<uint64_t> unsaved_bytes_{0};
  mutable std::mutex saved_mutex_;  // guards the next three
  std::chrono::steady_clock::time_point saved_at_ = std::chrono::steady_clock::now();
  uint64_t saved_bytes_ = 0;
  std::optional<LinkState> saved_state_;  // of the last checkpoint; none: it is not known what it lacks
  std::vector<std::jthread> rebuilds_;    // last: they end before what they use
};

}  // namespace kith
