// The words of the embedding API: schema, points, queries and answers as plain values. PUBLIC: part of
// libkith.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/stop.h"
#include "base/vector_view.h"
#include "index/distance/distance.h"
#include "index/index.h"
#include "index/stats.h"
#include "query/filter/filter.h"
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

/// What the values at a declared path are. kKeyword and kText are both strings, told apart by what their
/// column has most room for: different values, or different words. kInteger: whole, of 64 bits. kDatetime: a
/// string as in filter/moment.h. kGeo: a place as in filter.h.
enum class PayloadType : uint8_t {
  kKeyword = 0,
  kInteger = 1,
  kFloat = 2,
  kBoolean = 3,
  kDatetime = 4,
  kGeo = 5,
  kText = 6,
};
inline constexpr size_t kPayloadTypes = 7;

/// A path of the payload that is declared: every value there, of arrays too, is of the type or null, else the
/// point is refused; and it has a column whatever other payloads hold.
struct PayloadField {
  FilterPath path;
  PayloadType type = PayloadType::kKeyword;
  bool required = false;  // a point has a value there
  /// Values there are labels: indexes that can have edges for each of them, by which filters that ask for
  /// some are answered. Of keywords, integers and booleans that many points share.
  bool label = false;
  friend bool operator==(const PayloadField&, const PayloadField&) = default;
};

struct Schema {
  std::vector<VectorField> vectors;        // ≥ 1, names unique
  std::vector<PayloadField> payload = {};  // paths unique; all others are taken as they come
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

/// What becomes of a point; what it does not name stays as it is.
struct Patch {
  /// A JSON object that is merged into the payload (RFC 7396): a member takes the place of the one of its
  /// name, null removes that, objects are merged likewise, arrays are replaced whole. "": the payload stays.
  std::string payload;
  bool replace_payload = false;           // `payload` is the whole new payload; "": there is none then
  std::vector<FieldVector> vectors;       // of these fields
  std::optional<uint64_t> expires_at_ms;  // as in Point
};
struct PointUpdate {
  Id id;
  Patch patch;
};

/// kSync: an OK survives power loss. kAsync: survives a kill of the process; on power loss a suffix of at
/// most DatabaseOptions::async_window may be lost, never a hole.
enum class Durability : uint8_t { kSync = 0, kAsync = 1 };

struct WriteReceipt {
  uint64_t sequence = 0;  // of the collection; grows by one per accepted batch; see Collection::wait_for
  uint64_t inserted = 0;
  uint64_t replaced = 0;
  uint64_t removed = 0;
  uint64_t updated = 0;
  uint64_t missing = 0;  // ids of an update that were not there
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

/// The share of the true nearest that a search is to find where nobody says another.
inline constexpr double kRecallTarget = 0.95;

/// What an answer tells of how it came about. kPlan: what would be done, and nothing is searched.
enum class Explain : uint8_t { kNone = 0, kPlan = 1, kAnalyze = 2 };
/// The best k groups instead of the best k points: a group is all points with one bool, number or string at
/// the path. A point with several of them is in several groups; one with none is left out.
struct GroupBy {
  FilterPath path;
  uint32_t size = 1;  // hits of a group, at most
};

/// k of the nearest `candidates`, that resemble each other less than the nearest k would: maximal marginal
/// relevance (Carbonell and Goldstein, SIGIR 1998). After the nearest, each next one has the most of
/// lambda × (nearness to the query) - (1 - lambda) × (nearness to the nearest one chosen before), where
/// nearness is the score, negated for metrics in which lower is nearer.
struct Diversity {
  float lambda = 0.5;       // 1: the nearest, 0: the most different
  uint32_t candidates = 0;  // 0 = four times as many as are wanted, 100 at least
};

struct Query {
  std::string field;              // "" = the only field
  std::vector<std::byte> vector;  // query_type(field.type), packed
  uint32_t k = 10;
  uint32_t offset = 0;  // skips the nearest `offset` rows
  /// Beam width; below offset + k, and without a filter, so many of those kept are expanded. 0 = as wide as
  /// recall_target takes.
  uint32_t effort = 0;
  /// In (0, 1]: the share of the true nearest to find, on average over queries. None: the collection's own
  /// (Database::set_recall_target). Kept where the field was calibrated (Collection::calibrate); before that
  /// the index kind's default effort answers. Not together with effort.
  std::optional<double> recall_target;
  Explain explain = Explain::kNone;
  bool exact = false;                    // scan every row
  std::optional<float> score_threshold;  // keep only hits at least this near (score units of the metric)
  std::optional<Filter> filter;          // only points that satisfy it
  std::optional<GroupBy> group_by;       // then k counts groups, and there is no offset
  std::optional<Diversity> diversity;    // not with group_by
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
  std::optional<Filter> filter;
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

/// A point of the collection, or a vector: query_type(field.type), packed.
using Example = std::variant<Id, std::vector<std::byte>>;

/// kAverage: near to what positive examples have in common and negative ones have not, the vector
/// 2 × mean(positive) - mean(negative), or mean(positive) without negative ones; under cosine of examples at
/// unit length. kBestScore: near to one of the positive examples, and to none of the negative ones more so.
enum class RecommendStrategy : uint8_t { kAverage = 0, kBestScore = 1 };

struct RecommendQuery {
  std::vector<Example> positive;  // one at least
  std::vector<Example> negative;
  RecommendStrategy strategy = RecommendStrategy::kAverage;
  Query query;  // all but its vector; scores are those to the average, or to the nearest positive example
};

struct HitGroup {
  FilterScalar value;
  std::vector<Hit> hits;  // nearest first; one at least
};

/// How a search was answered.
struct TakenPlan {
  FilterPlan plan = FilterPlan::kAuto;  // what the answer is from; kAuto: a search without a filter
  uint32_t effort = 0;                  // 0: the index kind's default, or every row was compared
  std::optional<double> recall;  // estimated; none: nothing was measured yet. 1: every row was compared
  double share = 1;              // of the rows that the filter allows
  double correlation = 1;        // that share among the nearest of the query, over `share`, as was expected
};

struct Explanation;  // query/explanation.h

struct Answer {
  std::vector<Hit> hits;         // nearest first; with Query::diversity in the order of choice
  std::vector<HitGroup> groups;  // with Query::group_by, instead of hits; that of the nearest hit first
  SearchStats stats;
  std::optional<TakenPlan> taken;                  // none: of a range search
  std::shared_ptr<const Explanation> explanation;  // null unless Query::explain asks
};

/// The values at a path of the payload, and how many points have each.
struct FacetQuery {
  FilterPath path;
  std::optional<Filter> filter;  // only points that satisfy it
  uint32_t limit = 10;           // values in the answer: those of most points
  Stop stop;
};
struct FacetValue {
  FilterScalar value;
  uint64_t points = 0;
};
struct Facets {
  std::vector<FacetValue> values;  // most points first; those of equally many by value
  uint64_t distinct = 0;           // different values, those beyond the limit too
};

struct ScrollPage {
  std::vector<Point> points;
  std::optional<Id> next;  // pass as `after`'s successor: first id of the next page; none at the end
};

/// By the value at a path of the payload: bools, then numbers, then moments (strings in the form of
/// filter/moment.h), then other strings by their first 256 bytes; points of one value by id. Of several
/// values the first in this order counts. Descending turns the order of values round, not that of ids. Points
/// without a value (nulls and objects are none) come last either way.
struct OrderBy {
  FilterPath path;
  bool descending = false;
};
struct OrderedScroll {
  OrderBy order;
  std::string cursor;  // of the page before; "" = from the start
  uint32_t limit = 100;
  Fetch fetch;
  std::optional<Filter> filter;
  Stop stop;
};
struct OrderedPage {
  std::vector<Point> points;  // fewer than the limit where Fetch::budget is spent
  std::string cursor;         // for the next page; "" at the end
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

/// Recall of recent real queries that were answered again by their plan and exactly, in the background.
struct RunningRecall {
  uint64_t queries = 0;
  double mean = 0;
  /// 95 %: Wilson's interval (query/recall/recall_window.h).
  double low = 0;
  double high = 1;
  double target = 0;  // mean of what they asked for
};

struct CalibrationProgress {
  double done = 0;  // 0..1
  double seconds = 0;
};

/// What is known of a field's recall.
struct FieldRecall {
  std::optional<uint64_t> calibrated_rows;  // of the index when it was measured last; none: never
  uint64_t calibrated_sequence = 0;
  uint64_t calibrated_queries = 0;
  uint64_t calibrations = 0;             // made since the directory was opened
  std::optional<RunningRecall> running;  // none: no query was looked at yet
  std::optional<CalibrationProgress> calibrating;
};

struct FieldInfo {
  VectorField field;
  IndexStats stats;
  IndexMemory memory;
  bool usable = true;  // false: answered by exact scan
  std::optional<RebuildProgress> rebuilding;
  FieldRecall recall;
};

class Calibration;  // query/plan/calibration.h

/// What Collection::calibrate measured of a field.
struct FieldCalibration {
  std::string field;
  std::shared_ptr<const Calibration> calibration;  // never null
  IndexMemory memory;
  double seconds = 0;
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
  uint64_t memory_bytes = 0;             // of indexes, ids and expiries
  uint64_t memory_bytes_max = 0;         // 0: no limit of its own
  double recall_target = kRecallTarget;  // of searches that say neither one nor an effort
  std::vector<FieldInfo> fields;
  std::vector<PayloadField> payload = {};  // that are declared
};

}  // namespace kith
