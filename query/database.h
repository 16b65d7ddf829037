// Database: a directory of collections. PUBLIC: the embedding API, and all that the server knows of query.
//
//   Database db = TRY(Database::open("/data", {}));
//   auto books = TRY(db->create_collection("books", schema));
//   TRY(books->upsert(points, Durability::kSync));
//   Answer answer = TRY(books->search(query));
//
// Every function may be called from any thread. One process at a time holds a directory (lock file).
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "query/types.h"

namespace kith {

class FileSystem;

class Collection {
 public:
  virtual ~Collection() = default;

  /// Inserts or replaces points as one atomic batch. On return the batch is as durable as asked and visible
  /// to every read. A point replaces all of the id's previous payload and vectors. An id twice in one batch
  /// is InvalidArgument. ResourceExhausted beyond the limits on memory and disk; nothing has changed then.
  virtual Result<WriteReceipt> upsert(std::span<const Point> points, Durability durability) = 0;
  /// Removes points by id as one atomic batch; unknown ids are not an error.
  virtual Result<WriteReceipt> remove(std::span<const Id> ids, Durability durability) = 0;
  /// Removes the points that satisfy the filter when this is called and still do when they are removed, in
  /// batches of up to 1,000, each atomic and as durable as asked. Points that come later stay. The receipt
  /// counts all of them and has the last one's sequence, or the collection's where there was none. The stop
  /// is looked at between batches. An error says how many points were removed before it: they stay removed.
  virtual Result<WriteReceipt> remove(const Filter& filter, Durability durability, const Stop& stop) = 0;

  /// Changes parts of points as one atomic batch: reads see each point as it was or with all of its patch,
  /// and no write that comes between reading a point and writing it is lost. The receipt counts those that
  /// were `updated`, and those `missing`: ids that are not there are no error. Checked, limited and durable
  /// as an upsert of the whole points; an id twice is InvalidArgument, and so is a patch that changes
  /// nothing, or after which points are not as declared or take more than a batch may have.
  virtual Result<WriteReceipt> update(std::span<const PointUpdate> updates, Durability durability) = 0;
  /// The same patch for the points that satisfy the filter, in batches and with errors as remove by filter.
  virtual Result<WriteReceipt> update(const Filter& filter, const Patch& patch, Durability durability,
                                      const Stop& stop) = 0;

  /// One entry per id, in order; nullopt where there is no such point.
  virtual Result<std::vector<std::optional<Point>>> get(std::span<const Id> ids, Fetch fetch) const = 0;
  /// Points in id order (u64, then UUID, then string), from `from` (inclusive) on; only those that satisfy
  /// `filter` unless it is null. The stop is looked at under a filter.
  virtual Result<ScrollPage> scroll(const std::optional<Id>& from, uint32_t limit, Fetch fetch,
                                    const Filter* filter, const Stop& stop) const = 0;
  Result<ScrollPage> scroll(const std::optional<Id>& from, uint32_t limit, Fetch fetch) const {
    return scroll(from, limit, fetch, nullptr, {});
  }
  /// Points in the order of a value of their payloads. A cursor says how far the page before came, not what
  /// there was: a point that is there all the time, with the same value, is on one page, whatever is written
  /// between. InvalidArgument when the cursor is damaged or of another order.
  virtual Result<OrderedPage> scroll_ordered(const OrderedScroll& request) const = 0;
  /// Exact. Of those that satisfy `filter` unless it is null.
  virtual Result<uint64_t> count(const Filter* filter, const Stop& stop) const = 0;
  Result<uint64_t> count() const { return count(nullptr, {}); }

  /// How many points have each bool, number and string at a path, exactly. A point with several values, in
  /// an array, counts for each of them once; nulls and objects are no values. ResourceExhausted when values
  /// that columns do not keep (long or very many strings) take more memory than limit 'facet_bytes'.
  virtual Result<Facets> facet(const FacetQuery& query) const = 0;

  virtual Result<Answer> search(const Query& query) const = 0;
  /// Many queries on one field; answers in order. Faster than one by one; fails as a whole.
  virtual Result<std::vector<Answer>> search_batch(std::span<const Query> queries) const = 0;
  virtual Result<Answer> range_search(const RangeQuery& query) const = 0;
  /// Points like some and unlike others. Points that are examples are not in the answer. NotFound when one is
  /// not there, or has no vector in the field.
  virtual Result<Answer> recommend(const RecommendQuery& query) const = 0;

  /// Returns once reads that begin then see the write of this sequence (WriteReceipt): a token that one
  /// client hands another. Every write that was answered is seen already, also after a restart if it
  /// survived; one under way is waited for, until `stop` says no more: DeadlineExceeded naming both
  /// sequences. FailedPrecondition at once when no write under way can reach the sequence: it is of another
  /// collection, or power loss (kAsync) or an older backup took its write. (Once later writes have reached
  /// it, nothing tells it from theirs.)
  virtual Result<void> wait_for(uint64_t sequence, const Stop& stop) const = 0;
  /// Waits until background index work has caught up with the writes.
  virtual Result<void> settle(const Stop& stop) = 0;
  /// Makes searches of a field ("" = the only one) cheaper for queries like these, a sample of those expected
  /// that come from elsewhere than points do: text asking for images. `queries`: query_type(field.type),
  /// packed. Takes about ten searches a query and waits for index work as settle does; a stop leaves what was
  /// learnt so far. Checkpoints keep it; an index that is built anew (`compact`, or by itself once it has
  /// room for more rows that are gone than live) knows nothing of it. InvalidArgument where the field's index
  /// is no graph.
  virtual Result<void> learn(const std::string& field, VectorBlock queries, const Stop& stop) = 0;
  /// Measures what searches of each field find and cost, with vectors that are stored and queries that were
  /// asked, against exact answers: what recall targets are kept by. Happens by itself (RecallPolicy); at once
  /// where somebody asks. Searches and writes go on. Fields whose index is exact are left out, and so are
  /// those without vectors. Kept across restarts.
  virtual Result<std::vector<FieldCalibration>> calibrate(const Stop& stop) = 0;
  /// Keeps ids and indexes in files, so that the next open need not build them; writes and searches go on.
  /// Happens by itself (DatabaseOptions::checkpoints); at once where somebody asks.
  virtual Result<CheckpointReport> checkpoint() = 0;
  virtual CollectionInfo info() const = 0;
  virtual const Schema& schema() const = 0;
};

/// When checkpoints are taken. What was written since the last one an open does again, from the store.
struct CheckpointPolicy {
  uint64_t bytes = 32u << 20;  // of changes, or a quarter of what the last one wrote, if that is more
  std::chrono::milliseconds age{60'000};  // since the last one, when there is anything new
  uint64_t points_min = 4'096;  // smaller collections are quick to build at open: none but by bytes or asking
  bool at_close = true;
};

/// How recall targets are kept: when fields are calibrated, and how many real queries are answered again.
struct RecallPolicy {
  bool background = true;       // false: only where somebody asks, and worn indexes stay
  uint64_t points_min = 4'096;  // smaller collections are left alone
  uint32_t queries = 512;       // that a field is measured with
  double duty = 0.25;           // of the time that measuring works, in the background; it sleeps in between
  double share_max = 0.02;      // of one CPU, for queries that are answered again, and as much for measuring
  std::chrono::milliseconds look{500};     // between two looks at what is due
  std::chrono::milliseconds quiet{2'000};  // without writes, after which a load has ended
};

struct DatabaseOptions {
  CheckpointPolicy checkpoints;
  RecallPolicy recall;
  bool create_if_missing = true;
  std::chrono::milliseconds async_window{100};  // how much kAsync may lose on power loss
  uint32_t index_threads = 0;                   // background index builders; 0 = one per CPU
  uint64_t memtable_bytes = 64u << 20;    // newest vectors that the store keeps in memory; at least 128 KiB
  FileSystem* fs = nullptr;               // null: the machine's own; tests have others. Outlives the database
  const Clock* clock = &Clock::system();  // by which points expire; outlives the database
  /// Of indexes, ids and the store's newest writes and caches; 0 = no limit. Beyond it upserts are
  /// ResourceExhausted, at once and until there is room again; reads and removals go on.
  uint64_t memory_bytes_max = 0;
  /// What upserts leave free on the disk, so that removals and the store's own work have room; below it they
  /// are ResourceExhausted as above. None: the smaller of 1 GiB and 5 % of the device; 0: nothing.
  std::optional<uint64_t> disk_reserve_bytes;
};

/// The graph of one field, where its index has one.
struct FieldGraph {
  std::string field;
  GraphAudit audit;
};

struct VerifyReport {
  uint64_t points = 0;
  uint64_t bytes = 0;
  std::vector<FieldGraph> graphs;
  std::vector<std::string> problems;  // empty = everything checked is whole
};

class Database {
 public:
  virtual ~Database() = default;

  /// Opens or creates `directory`. FailedPrecondition when another process holds it.
  static Result<std::unique_ptr<Database>> open(const std::string& directory, const DatabaseOptions& options);

  virtual Result<std::shared_ptr<Collection>> create_collection(const std::string& name,
                                                                const Schema& schema) = 0;
  /// The collection's files are gone when this returns; readers that still hold it get NotFound.
  virtual Result<void> drop_collection(const std::string& name) = 0;
  /// Bounds the memory that indexes, ids and expiries of a collection may take; 0 = by
  /// DatabaseOptions::memory_bytes_max alone, as at first. Kept across restarts. Upserts that would pass it
  /// are ResourceExhausted, all else goes on.
  virtual Result<void> limit_memory(const std::string& collection, uint64_t bytes_max) = 0;
  /// The recall target of searches that say neither one nor an effort, in (0, 1]; 0 = kRecallTarget, as at
  /// first. Kept across restarts.
  virtual Result<void> set_recall_target(const std::string& collection, double target) = 0;
  virtual Result<std::shared_ptr<Collection>> collection(const std::string& name) const = 0;
  virtual std::vector<std::string> collection_names() const = 0;
  /// Reads every stored byte of a collection, its checkpoint among them, and compares counts, ids and vectors
  /// with what the indexes hold. "": of all collections, and the store's files as files.
  virtual Result<VerifyReport> verify(const std::string& collection, const Stop& stop) const = 0;

  /// Takes what was removed or replaced out of every file of the directory: on return none holds a payload or
  /// a vector that was gone from the collection when this was called. Reads and writes go on, searches beside
  /// a second index while it is built; what graphs had learnt (Collection::learn) is forgotten. Rewrites the
  /// vectors of all collections, which share files. Waits for readers of before and for a backup.
  virtual Result<PurgeReceipt> compact(const std::string& collection, const Stop& stop) = 0;

  /// Makes the next backup in `directory`, which is not within this one: all collections as of one moment,
  /// while reads and writes go on. Files that cannot change are linked, or, on another device, linked to what
  /// an earlier backup there has. Waits for another backup of this database (query/backup.h reads them).
  virtual Result<BackupReport> backup(const std::string& directory, const Stop& stop) = 0;
  /// Of the one under way.
  virtual std::optional<BackupProgress> backup_progress() const = 0;
};

}  // namespace kith
