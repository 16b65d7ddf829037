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
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "query/types.h"

namespace kith {

class Collection {
 public:
  virtual ~Collection() = default;

  /// Inserts or replaces points as one atomic batch. On return the batch is as durable as asked and visible
  /// to every read. A point replaces all of the id's previous payload and vectors. An id twice in one batch
  /// is InvalidArgument.
  virtual Result<WriteReceipt> upsert(std::span<const Point> points, Durability durability) = 0;
  /// Removes points by id as one atomic batch; unknown ids are not an error.
  virtual Result<WriteReceipt> remove(std::span<const Id> ids, Durability durability) = 0;

  /// One entry per id, in order; nullopt where there is no such point.
  virtual Result<std::vector<std::optional<Point>>> get(std::span<const Id> ids, Fetch fetch) const = 0;
  /// Points in id order (u64, then UUID, then string), from `from` (inclusive) on.
  virtual Result<ScrollPage> scroll(const std::optional<Id>& from, uint32_t limit, Fetch fetch) const = 0;
  virtual Result<uint64_t> count() const = 0;

  virtual Result<Answer> search(const Query& query) const = 0;
  /// Many queries on one field; answers in order. Faster than one by one; fails as a whole.
  virtual Result<std::vector<Answer>> search_batch(std::span<const Query> queries) const = 0;
  virtual Result<Answer> range_search(const RangeQuery& query) const = 0;

  /// Waits until background index work has caught up with the writes.
  virtual Result<void> settle(const Stop& stop) = 0;
  /// Makes searches of a field ("" = the only one) cheaper for queries like these, a sample of those expected
  /// that come from elsewhere than points do: text asking for images. `queries`: query_type(field.type),
  /// packed. Takes about ten searches a query and waits for index work as settle does; a stop leaves what was
  /// learnt so far. Lasts until the directory is closed: indexes are built anew at open. InvalidArgument
  /// where the field's index is no graph.
  virtual Result<void> learn(const std::string& field, VectorBlock queries, const Stop& stop) = 0;
  virtual CollectionInfo info() const = 0;
  virtual const Schema& schema() const = 0;
};

struct DatabaseOptions {
  bool create_if_missing = true;
  std::chrono::milliseconds async_window{100};  // how much kAsync may lose on power loss
  uint32_t index_threads = 0;                   // background index builders; 0 = one per CPU
};

struct OpenReport {
  std::string collection;
  uint64_t points = 0;
  double seconds = 0;
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
  virtual Result<std::shared_ptr<Collection>> collection(const std::string& name) const = 0;
  virtual std::vector<std::string> collection_names() const = 0;
  /// Reads every stored byte and compares counts, ids and vectors with what the indexes hold.
  virtual Result<VerifyReport> verify(const std::string& collection, const Stop& stop) const = 0;
};

}  // namespace kith
