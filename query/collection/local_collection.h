// LocalCollection: one collection over the engine's KvStore. Order of writes, the read view, recovery.
//
// A write (commit.cc): checked alone, then queued; the leader gives rows to a group of requests, writes them
// as one KvBatch, then lets the indexes and the id map follow, and only then acknowledges. If the KV write
// fails nothing in memory has changed. A crash at any moment leaves, per request, all or nothing. What a
// write makes from stored points (revision.h) says which rows it was made from, and counts only as long as
// they stand.
//
// A read (search.cc, read.cc) sees one state of ids and one snapshot of the store that belong together: while
// a KV write is under way the store is ahead of the id map, so the leader parks a snapshot of the state
// before it (`parked_view_`) for readers; otherwise a fresh snapshot taken under the shared lock is that
// state. The id map decides what is live: what an index returns besides is dropped, and asked again when that
// leaves too little. So are points that have expired, which the purge removes later, by writes like others.
//
// Under a filter (filtered_read.h) columns say which rows satisfy it: query/columns is a structure that
// follows writes as indexes do, and the payload itself decides what columns cannot.
//
// How a search goes a plan says (search_course.h, query/plan), by a calibration of its field; recall.cc
// measures that, and whether what was promised is kept (query/recall).
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
#include "query/columns/column_store.h"
#include "query/database.h"
#include "query/plan/label_group.h"
#include "query/schema/json_tree.h"
#include "storage/checkpoint/checkpoint_directory.h"
#include "storage/log/change_log.h"
#include "storage/rows/expiry_map.h"
#include "storage/rows/id_map.h"
#include "storage/rows/keys.h"
#include "storage/rows/row_record.h"

namespace kith {

struct AskedLabels;
struct AskedQuery;
struct KeptCalibration;
class RecallLedger;
class SearchCourse;

class LocalCollection final : public Collection {
 public:
  /// Restores ids and indexes from the checkpoint and the store. Corruption when records do not decode or
  /// contradict each other; a checkpoint that cannot be used only costs time.
  static Result<std::shared_ptr<LocalCollection>> open(std::shared_ptr<Engine> engine,
                                                       CollectionNumber number, std::string name,
                                                       Schema schema);
  LocalCollection(std::shared_ptr<Engine> engine, CollectionNumber number, std::string name, Schema schema);
  ~LocalCollection() override;

  Result<WriteReceipt> upsert(std::span<const Point> points, Durability durability) override;
  Result<WriteReceipt> remove(std::span<const Id> ids, Durability durability) override;
  Result<WriteReceipt> remove(const Filter& filter, Durability durability, const Stop& stop) override;
  Result<WriteReceipt> update(std::span<const PointUpdate> updates, Durability durability) override;
  Result<WriteReceipt> update(const Filter& filter, const Patch& patch, Durability durability,
                              const Stop& stop) override;
  Result<std::vector<std::optional<Point>>> get(std::span<const Id> ids, Fetch fetch) const override;
  using Collection::count;
  using Collection::scroll;
  Result<ScrollPage> scroll(const std::optional<Id>& from, uint32_t limit, Fetch fetch, const Filter* filter,
                            const Stop& stop) const override;
  Result<OrderedPage> scroll_ordered(const OrderedScroll& request) const override;
  Result<uint64_t> count(const Filter* filter, const Stop& stop) const override;
  Result<Facets> facet(const FacetQuery& query) const override;
  Result<Answer> search(const Query& query) const override;
  Result<std::vector<Answer>> search_batch(std::span<const Query> queries) const override;
  Result<Answer> range_search(const RangeQuery& query) const override;
  Result<Answer> recommend(const RecommendQuery& query) const override;
  Result<void> wait_for(uint64_t sequence, const Stop& stop) const override;
  Result<void> settle(const Stop& stop) override;
  Result<void> learn(const std::string& field, VectorBlock queries, const Stop& stop) override;
  Result<std::vector<FieldCalibration>> calibrate(const Stop& stop) override;
  CollectionInfo info() const override;
  const Schema& schema() const override { return schema_; }

  CollectionNumber number() const { return number_; }
  const std::string& name() const { return name_; }
  /// After it returned every call is NotFound and no write is under way.
  void mark_dropped();
  /// 0: no limit of its own.
  void limit_memory(uint64_t bytes_max);
  /// 0: kRecallTarget.
  void set_recall_target(double target) { recall_target_ = target == 0 ? kRecallTarget : target; }
  /// What tells when fields are to be measured.
  struct RecallLook {
    uint64_t points = 0;
    uint64_t sequence = 0;
    bool due = false;   // some field is, and its index has caught up
    uint64_t worn = 0;  // rows that are gone, of those that an index has room for: more than live
  };
  RecallLook look_at_recall() const;
  /// calibrate() for the fields where it is due; whether there was one.
  Result<bool> calibrate_due(const Stop& stop);
  /// Builds worn indexes anew, of what lives, beside those that serve.
  Result<void> renew_worn(const Stop& stop);
  /// Answers a recent query again, exactly, and takes note of what it had found. False: there is none left.
  Result<bool> check_recall(const Stop& stop);
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
  class FilteredRead;
  class Revision;
  /// What became of a row that an id lived in.
  struct Tombstone {
    Row row = kNoRow;   // in which the id lived, if any
    bool seen = false;  // and it had not expired
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
  Result<MemoryReservation> admit(const CheckedBatch& batch, std::string_view what_kind);
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
  Result<ScrollPage> scroll_filtered(const std::optional<Id>& from, uint32_t limit, Fetch fetch,
                                     const Filter& filter, const Stop& stop) const;
  struct Matching;
  Result<Matching> matching(const Filter& filter, const Stop& stop) const;
  /// Calls visit(i, record, payload) for each of rows[i] that the view has, a step of them at a time, in no
  /// order; the first error ends it. Corruption where a payload does not parse.
  using VisitPayload = std::function<Result<void>(size_t, const RowRecord&, const JsonValue&)>;
  Result<void> each_payload(const KvSnapshot& view, std::span<const Row> rows, const Stop& stop,
                            const VisitPayload& visit) const;
  bool there_locked(Row row) const;
  View view_locked() const;          // under state_mutex_
  View view_now(bool locked) const;  // `locked`: the caller holds it
  RowSet expired_locked() const;     // rows that no read shows from now on; under state_mutex_
  Result<std::vector<Point>> read_points(const KvSnapshot& view, std::span<const Row> rows,
                                         Fetch fetch) const;
  Result<void> read_vectors(const KvSnapshot& view, std::span<const Row> rows,
                            std::span<const uint16_t> fields, std::vector<Point>& points) const;

  // ordered_scroll.cc
  class OrderedRead;
  Result<OrderedPage> scroll_ordered_alive(const OrderedScroll& request) const;

  // facet.cc
  Result<Facets> facet_alive(const FacetQuery& query) const;
  Result<std::optional<Facets>> count_facets(const FacetQuery& query) const;

  // nearest_rows.cc, grouped_search.cc, diverse_search.cc
  class NearestRows;
  class GroupedSearch;
  Result<Answer> search_grouped(const Query& query, NearestRows& nearest) const;
  Result<Answer> search_diverse(const Query& query, NearestRows& nearest) const;
  Result<Answer> search_nearest(const Query& query, NearestRows& nearest) const;
  Result<Found> nearest_of(NearestRows& nearest, size_t count) const;
  /// The vectors of a field of rows that have one in the view, packed, in order.
  Result<std::vector<std::byte>> packed_vectors(const KvSnapshot& view, uint8_t position,
                                                std::span<const Row> rows) const;

  // recommend.cc
  Result<Answer> recommend_alive(const RecommendQuery& request) const;
  using Examples = std::vector<std::vector<std::byte>>;
  Result<Examples> example_vectors(std::span<const Example> examples, std::string_view what,
                                   const VectorField& field) const;

  // search.cc
  Result<Answer> search_checked(const Query& query, uint8_t position) const;
  Result<Answer> range_search_alive(const RangeQuery& query) const;
  bool scans(const FieldIndex& field, bool exact) const;
  template <typename Ask>
  Result<Found> find(Window window, bool fetches, Ask ask) const;
  template <typename Search>
  Result<Found> find_filtered(Window window, bool fetches, const Filter& filter, const Stop& stop,
                              Search search, uint64_t* filter_ns) const;
  double target_of(const Query& query) const;
  SearchCourse course_of(const Query& query, uint8_t position) const;
  void offer(const Query& query, uint8_t position) const;
  Result<Answer> planned(const Query& query, const FieldIndex& field, SearchCourse& course) const;
  Result<Found> search_index(const Query& query, const FieldIndex& field, SearchCourse& course) const;
  Result<Found> range_search_index(const RangeQuery& query, const FieldIndex& field) const;
  struct ScanQuestion {
    VectorBlock queries;
    size_t k;
    float distance_max;
    const Filter* filter;  // null: all rows
    const Stop& stop;
  };
  Result<std::vector<SearchAnswer>> scan(uint8_t field, const ScanQuestion& question, View& view) const;
  void keep_live(std::vector<Neighbor>& neighbors, Row rows_end, uint64_t now_ms) const;
  void take(std::vector<Neighbor> live, Window window, bool fetches, Found& found) const;
  Result<Answer> answer(Found found, const VectorField& field, Fetch fetch,
                        std::optional<float> threshold) const;
  Result<Answer> answer(Found found, const Query& query, const VectorField& field,
                        SearchCourse& course) const;

  // labels.cc
  std::optional<AskedLabels> asked_labels(const Query& query, const FieldIndex& field) const;
  Result<std::vector<LabelSet>> stored_labels(const KvSnapshot& view, std::span<const Row> rows) const;
  Result<std::vector<LabelGroup>> calibration_labels(const FieldIndex& field, const RowSet& live,
                                                     std::span<const double> shares, const Stop& stop) const;

  // recall.cc
  void restore_calibrations(const KvSnapshot& view) const;
  bool measurable(const FieldIndex& field) const;
  Result<std::vector<FieldCalibration>> calibrate_fields(bool only_due, const Stop& stop);
  /// `duty`: of the time that it works.
  Result<FieldCalibration> calibrate_field(uint8_t position, bool drifted, double duty, const Stop& stop);
  Result<void> keep_calibration(uint8_t position, const KeptCalibration& kept);
  struct CalibrationQueries {
    std::vector<std::byte> vectors;  // query_type(field.type), packed
    std::vector<Row> stored_as;      // or kNoRow; one a query
  };
  Result<CalibrationQueries> calibration_queries(uint8_t position, bool drifted) const;
  Result<RowSet> live_rows(const Index& index, VectorView any) const;
  Result<void> answer_again(uint8_t position, const AskedQuery& asked, const Stop& stop) const;
  Result<std::vector<Neighbor>> true_nearest(uint8_t position, const Query& query, Row rows_end) const;

  // search_batch.cc
  using Queries = std::span<const Query* const>;
  Result<std::vector<Answer>> search_batch_alive(std::span<const Query> queries) const;
  Result<std::vector<Answer>> search_batch_part(Queries queries, uint8_t position) const;
  Result<std::vector<Answer>> search_batch_scan(Queries queries, uint8_t position) const;
  Result<std::vector<Found>> search_batch_index(Queries queries, const FieldIndex& field,
                                                SearchCourse& course) const;

  // columns.cc
  /// Whether they are those of the checkpoint.
  Result<bool> replay_columns(const KvSnapshot& view, const ChangeTail* tail);
  Result<void> add_payloads(const KvSnapshot& view, Row first, ColumnStore& columns) const;
  Result<std::unique_ptr<ColumnStore>> restore_columns(const KvSnapshot& view, const ChangeTail& tail) const;
  Result<void> verify_columns(const KvSnapshot& view, Row next_row, const Stop& stop,
                              VerifyReport& report) const;

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
  /// any. `added` hears of the rows of each step; false ends it. The row after the last one.
  Result<Row> add_stored(const KvSnapshot& view, uint8_t position, Row first, Index& index, const IdMap* ids,
                         const std::function<bool(std::span<const Row>)>& added) const;
  void start_rebuild(uint8_t position);
  void rebuild(uint8_t position, const std::stop_token& token);
  Result<void> wait_for_rebuild(const FieldIndex& field, const Stop& stop) const;
  /// Another index that knows live rows alone takes the place of this one, which is gone on return.
  Result<void> replace_index(uint8_t position, const Stop& stop);
  /// The field's progress is set already.
  Result<void> rebuild_index(uint8_t position, const Stop& stop);
  Result<void> swap_index(uint8_t position, Row next, std::unique_ptr<Index> index, std::span<const Row> has,
                          const Stop& stop);

  Result<PurgeReceipt> compact_alive(const Stop& stop);  // compact.cc
  Result<uint64_t> removed_before() const;

  const std::shared_ptr<Engine> engine_;  // first: outlives the indexes, which use its pool
  const CollectionNumber number_;
  const std::string name_;
  const Schema schema_;
  std::vector<std::unique_ptr<FieldIndex>> fields_;     // as in schema_
  std::unique_ptr<ColumnStore> columns_;                // of payloads; changed by the leader alone
  std::vector<std::unique_ptr<RecallLedger>> ledgers_;  // as in schema_
  std::atomic<double> recall_target_{kRecallTarget};
  std::timed_mutex calibrate_mutex_;  // of whoever measures a field; never held with another
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

  std::mutex replace_mutex_;  // of whoever replaces indexes; held across IO
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
