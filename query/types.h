// The words of the embedding API: schema, points, queries and answers as plain values. PUBLIC: part of
// libkith.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/stop.h"
#include "base/vector_view.h"
#include "index/distance/distance.h"
#include "index/index.h"
#include "index/stats.h"
#include "query/id.h"

namespace kith {

struct VectorField {
  std::string name = "vector";
  uint32_t dim = 0;
  Metric metric = Metric::kL2;
  ScalarType type = ScalarType::kF32;
  std::string index{kDefaultKind};  // of index/registry.h
  IndexOptions options;
};

struct Schema {
  std::vector<VectorField> vectors;  // ≥ 1, names unique
};

/// One vector of a point, in the field's stored type, packed little-endian.
struct FieldVector {
  std::string field;  // "" = the only field
  std::vector<std::byte> data;
};

struct Point {
  Id id;
  std::vector<FieldVector> vectors;  // a field may be absent; the point is then not found through it
  std::string payload;               // a JSON object, or empty for none
  /// From this moment of the machine's clock on no read finds the point: milliseconds since 1970-01-01 UTC,
  /// 0: never. A moment that has passed is as good as any. Read back where payload or vectors are fetched.
  uint64_t expires_at_ms = 0;
};

/// kSync: an OK survives power loss. kAsync: survives a kill of the process; on power loss a suffix of at
/// most DatabaseOptions::async_window may be lost, never a hole.
enum class Durability : uint8_t { kSync = 0, kAsync = 1 };

struct WriteReceipt {
  uint64_t sequence = 0;  // of the collection; grows by one per accepted batch; see Collection::wait_for
  uint64_t inserted = 0;
  uint64_t replaced = 0;
  uint64_t removed = 0;
};

/// Bytes that the hits of one or several queries may take together: fetching ends with ResourceExhausted when
/// they are spent, before the rest is read. Taken from by many threads.
class AnswerBudget {
 public:
  explicit AnswerBudget(uint64_t bytes) : bytes_(bytes) {}
  bool take(uint64_t bytes) { return taken_.fetch_add(bytes) + bytes <= bytes_; }
  uint64_t bytes() const { return bytes_; }

 private:
  const uint64_t bytes_;
  std::atomic<uint64_t> taken_{0};
};

struct Fetch {
  bool payload = false;
  bool vectors = false;
  AnswerBudget* budget = nullptr;  // of searches; none = unbounded
};

struct Query {
  std::string field;              // "" = the only field
  std::vector<std::byte> vector;  // query_type(field.type), packed
  uint32_t k = 10;
  uint32_t offset = 0;                   // skips the nearest `offset` rows
  uint32_t effort = 0;                   // 0 = the index kind's default
  bool exact = false;                    // scan every row
  std::optional<float> score_threshold;  // keep only hits at least this near (score units of the metric)
  Fetch fetch;
  Stop stop;
};

struct RangeQuery {
  std::string field;
  std::vector<std::byte> vector;
  float radius = 0;  // score units of the metric, inclusive
  uint32_t limit = 1000;
  uint32_t effort = 0;
  bool exact = false;
  Fetch fetch;
  Stop stop;
};

struct Hit {
  Id id;
  float score = 0;
  std::string payload;               // as stored; empty when not fetched or none
  std::vector<FieldVector> vectors;  // empty when not fetched
  uint64_t expires_at_ms = 0;        // 0: never, or nothing fetched
};

struct Answer {
  std::vector<Hit> hits;  // nearest first
  SearchStats stats;
};

struct ScrollPage {
  std::vector<Point> points;
  std::optional<Id> next;  // pass as `after`'s successor: first id of the next page; none at the end
};

/// Of an index that is being built anew from the stored vectors; meanwhile its field is answered by exact
/// scan.
struct RebuildProgress {
  uint64_t rows_done = 0;
  uint64_t rows_total = 0;
  double seconds = 0;  // so far
  double seconds_left() const {
    return rows_done == 0 ? 0
                          : seconds * static_cast<double>(rows_total - std::min(rows_done, rows_total)) /
                                static_cast<double>(rows_done);
  }
};

struct FieldInfo {
  VectorField field;
  IndexStats stats;
  IndexMemory memory;
  bool usable = true;  // false: answered by exact scan
  std::optional<RebuildProgress> rebuilding;
};

struct CheckpointReport {
  uint64_t sequence = 0;  // what an open does not have to do again: all up to it
  uint64_t bytes = 0;     // of all its files
  uint64_t written = 0;   // of those that are new
  double seconds = 0;
};

/// What Database::compact did.
struct PurgeReceipt {
  uint64_t sequence = 0;        // it holds for all that was removed or replaced up to it
  uint64_t points_removed = 0;  // by then, since the last receipt; a replaced point counts too
  uint64_t bytes_before = 0;    // of all files of the directory
  uint64_t bytes_after = 0;
  double seconds = 0;
};

/// A collection as a backup holds it.
struct BackupContent {
  std::string collection;
  uint64_t sequence = 0;
  uint64_t points = 0;
  bool quarantined = false;  // was so when it was backed up: the numbers are 0
};

struct BackupInfo {
  uint64_t number = 0;
  int64_t time_ms = 0;  // since 1970 UTC
  uint64_t files = 0;
  uint64_t bytes = 0;
  std::vector<BackupContent> collections;
  std::string damage;  // why what it holds cannot be told; empty: nothing is wrong that was looked at
};

struct BackupReport {
  BackupInfo backup;
  uint64_t copied_bytes = 0;  // the others are hard links
  double seconds = 0;
};

struct BackupCheck {
  BackupInfo backup;
  std::vector<std::string> problems;  // empty = every byte is as it was written, and the store opens
};

struct BackupProgress {
  uint64_t bytes_done = 0;
  uint64_t bytes_total = 0;
};

struct CollectionInfo {
  std::string name;
  uint64_t points = 0;   // that a read finds
  uint64_t expired = 0;  // that no read finds any more and the purge has not removed yet
  uint64_t sequence = 0;
  uint64_t memory_bytes = 0;      // of indexes, ids and expiries
  uint64_t memory_bytes_max = 0;  // 0: no limit of its own
  std::vector<FieldInfo> fields;
};

}  // namespace kith
