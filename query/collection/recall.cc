// How recall targets are kept, see local_collection.h: fields are measured against exact answers, and recent
// real queries are answered again.
//
// A query is answered again as a search would answer it, and then exactly, by a scan of the index's own rows.
// What is compared belongs to one moment: rows written since the first answer began count in neither, and
// where one that an answer has was removed meanwhile, the pair is let go.
#include <algorithm>
#include <cstring>
#include <set>

#include "base/log.h"
#include "index/distance/distance.h"
#include "query/collection/filtered_read.h"
#include "query/collection/local_collection.h"
#include "query/collection/search_parts.h"
#include "query/plan/calibrate.h"
#include "query/recall/recall_ledger.h"

namespace kith {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr Row kLockedRows = 65'536;  // looked at before writers have their turn
constexpr float kRounding = 1e-5f;   // kernels may round one distance differently
constexpr auto kPoll = std::chrono::milliseconds(5);

double seconds_since(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

/// When a calibration ends early: its caller says so, the collection is dropped, or another index takes the
/// place of the one that it measures, which is waited for by whoever replaced it.
struct Ending {
  const Stop& caller;
  const std::atomic<bool>& dropped;
  const FieldIndex& field;
  const std::shared_ptr<Index>& index;

  bool replaced() const { return field.index() != index; }
  Stop stop() const {
    Stop stop = caller;
    stop.cancelled = [](const void* context) {
      const auto& ending = *static_cast<const Ending*>(context);
      const Stop& asked = ending.caller;
      return ending.dropped.load() || ending.replaced() ||
             (asked.cancelled != nullptr && asked.cancelled(asked.context));
    };
    stop.context = this;
    return stop;
  }
};

/// Shows that a field is being measured, as long as it lives.
class Progress {
 public:
  explicit Progress(RecallLedger& ledger) : ledger_(ledger) { show(0); }
  ~Progress() { ledger_.set_calibrating(std::nullopt); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void show(double done) const { ledger_.set_calibrating(CalibrationProgress{done, seconds_since(start_)}); }

 private:
  RecallLedger& ledger_;
  const SteadyClock::time_point start_ = SteadyClock::now();
};

/// The share of `truth` that `found` has: by distance, so that of rows that are equally near any will do.
double recall_of(const std::vector<Neighbor>& found, const std::vector<Neighbor>& truth) {
  if (truth.empty()) return 1;
  const float farthest = truth.back().distance;
  const float bound = farthest + std::abs(farthest) * kRounding;
  const auto hits = std::ranges::count_if(found, [&](const Neighbor& n) { return n.distance <= bound; });
  return std::min(1.0, static_cast<double>(hits) / static_cast<double>(truth.size()));
}

/// Of the stored vector what a query for it is.
void append_as_query(const VectorField& field, std::string_view stored, std::vector<std::byte>& queries) {
  const size_t at = queries.size();
  queries.resize(at + vector_bytes(query_type(field.type), field.dim));
  const auto* data = reinterpret_cast<const std::byte*>(stored.data());
  if (query_type(field.type) == field.type) {
    std::memcpy(queries.data() + at, data, stored.size());
    return;
  }
  std::vector<float> floats(field.dim);
  to_f32(data, field.dim, field.type, floats.data());
  std::memcpy(queries.data() + at, floats.data(), floats.size() * sizeof(float));
}

}  // namespace

/// What cannot be used is measured anew, when it is due.
void LocalCollection::restore_calibrations(const KvSnapshot& view) const {
  for (size_t position = 0; position < fields_.size(); ++position) {
    const VectorField& field = schema_.vectors[position];
    const auto record = view.get(KvTable::kRecords, calibration_key(number_, static_cast<uint8_t>(position)));
    if (record.ok() && !record->has_value()) continue;
    auto kept =
        record.ok() ? parse_calibration_record(**record, field) : Result<KeptCalibration>(record.error());
    if (kept.ok()) {
      ledgers_[position]->replace(std::move(*kept), /*anew=*/false);
      continue;
    }
    log_warn("a calibration cannot be used: the field is measured anew",
             {{"collection", name_}, {"field", field.name}, {"error", kept.error().message}});
  }
}

LocalCollection::RecallLook LocalCollection::look_at_recall() const {
  RecallLook look;
  FieldState now;
  {
    std::shared_lock lock(state_mutex_);
    now = {next_row_, ids_.size()};
    look.sequence = sequence_;
  }
  look.points = now.rows;
  for (const std::unique_ptr<FieldIndex>& field : fields_) look.worn = std::max(look.worn, field->worn());
  for (size_t position = 0; position < fields_.size() && !look.due; ++position) {
    if (!measurable(*fields_[position])) continue;
    const IndexStats stats = fields_[position]->index()->stats();
    now.code_version = stats.code_version;
    look.due = stats.pending == 0 && ledgers_[position]->due(now) != RecallLedger::Reason::kNone;
  }
  return look;
}

bool LocalCollection::measurable(const FieldIndex& field) const {
  return field.usable() && !field.kind().exact && field.index()->stats().rows > 1;
}

Result<std::vector<FieldCalibration>> LocalCollection::calibrate(const Stop& stop) {
  return while_alive([&]() -> Result<std::vector<FieldCalibration>> {
    TRY(settle(stop));
    return calibrate_fields(/*only_due=*/false, stop);
  });
}

Result<bool> LocalCollection::calibrate_due(const Stop& stop) {
  return while_alive([&]() -> Result<bool> {
    const auto measured = TRY(calibrate_fields(/*only_due=*/true, stop));
    return !measured.empty();
  });
}

Result<std::vector<FieldCalibration>> LocalCollection::calibrate_fields(bool only_due, const Stop& stop) {
  std::unique_lock lock(calibrate_mutex_, std::defer_lock);
  while (!lock.try_lock()) {  // ThreadSanitizer does not see locks that are taken within a time
    TRY(stop.check());
    TRY(check_alive());
    std::this_thread::sleep_for(kPoll);
  }
  std::vector<FieldCalibration> out;
  for (size_t position = 0; position < fields_.size(); ++position) {
    if (!measurable(*fields_[position])) continue;
    FieldState now;
    {
      std::shared_lock state(state_mutex_);
      now = {next_row_, ids_.size()};
    }
    now.code_version = fields_[position]->index()->stats().code_version;
    const RecallLedger::Reason reason = ledgers_[position]->due(now);
    if (only_due && reason == RecallLedger::Reason::kNone) continue;
    const double duty = only_due ? engine_->calibration_duty : 1;
    const bool drifted = reason == RecallLedger::Reason::kDrifted;
    out.push_back(TRY(calibrate_field(static_cast<uint8_t>(position), drifted, duty, stop)));
    log_info("recall calibrated", {{"collection", name_},
                                   {"field", out.back().field},
                                   {"because", only_due ? reason_text(reason) : "somebody asked"},
                                   {"queries", out.back().calibration->queries},
                                   {"seconds", out.back().seconds}});
  }
  return out;
}

/// Under calibrate_mutex_.
Result<FieldCalibration> LocalCollection::calibrate_field(uint8_t position, bool drifted, double duty,
                                                          const Stop& stop) {
  const auto start = SteadyClock::now();
  const FieldIndex& field = *fields_[position];
  RecallLedger& ledger = *ledgers_[position];
  const std::shared_ptr<Index> index = field.index();
  KeptCalibration kept;
  kept.code_version = index->stats().code_version;
  uint64_t sequence = 0;
  {
    std::shared_lock lock(state_mutex_);
    kept.rows_end = next_row_;
    kept.rows = ids_.size();
    sequence = sequence_;
  }
  const CalibrationQueries queries = TRY(calibration_queries(position, drifted));
  if (queries.stored_as.empty())
    return failed_precondition("field '{}': no vector could be sampled", field.field().name);
  const VectorView any{queries.vectors.data(), query_type(field.field().type), field.field().dim};
  const RowSet live = TRY(live_rows(*index, any));
  CalibrateInput input;
  input.queries = {queries.vectors.data(), query_type(field.field().type), field.field().dim,
                   queries.stored_as.size()};
  input.stored_as = queries.stored_as;
  input.live = &live;
  input.sequence = sequence;
  input.settings.duty = duty;
  const Ending ending{stop, dropped_, field, index};
  input.stop = ending.stop();
  std::vector<LabelGroup> labels;
  if (field.labeled()) labels = TRY(calibration_labels(field, live, input.settings.shares, input.stop));
  input.labels = labels;
  const Progress progress(ledger);
  input.progress = [&](double done) { progress.show(done); };
  Result<Calibration> measured = kith::calibrate(*index, field.kind(), input);
  if (!measured.ok() && stop.check().ok() && ending.replaced())
    return unavailable("field '{}': its index was replaced while it was measured; ask again",
                       field.field().name);
  kept.calibration = TRY(std::move(measured));
  if (const auto written = keep_calibration(position, kept); !written.ok()) {
    TRY(check_alive());
    log_warn("a calibration holds until the directory is closed: it cannot be kept",
             {{"collection", name_}, {"field", field.field().name}, {"error", written.error().message}});
  }
  ledger.replace(std::move(kept), /*anew=*/true);
  return FieldCalibration{field.field().name, ledger.calibration(), index->memory(), seconds_since(start)};
}

/// In the leader's role: so that a drop comes before or after it.
Result<void> LocalCollection::keep_calibration(uint8_t position, const KeptCalibration& kept) {
  const std::string record = encode_calibration_record(kept, schema_.vectors[position]);
  TRY(engine_->disk.admit(record.size()));  // it can wait, removals cannot
  KvBatch batch;
  batch.put(KvTable::kRecords, calibration_key(number_, position), record);
  Result<void> written;
  queue_.run_exclusively([&] {
    written = check_alive();
    if (written.ok()) written = engine_->store->write(batch, KvSurvives::kProcess);
  });
  return written;
}

/// Of those that have a vector in `index`. `any`: some query for it.
Result<RowSet> LocalCollection::live_rows(const Index& index, VectorView any) const {
  std::vector<Row> rows;
  const Row rows_end = next_row_.load(std::memory_order_acquire);
  for (Row first = 0; first < rows_end;) {  // in steps: writers wait for the lock
    const Row end = rows_end - first > kLockedRows ? first + kLockedRows : rows_end;
    std::shared_lock lock(state_mutex_);
    ids_.for_each_live(first, end, [&](Row row) { rows.push_back(row); });
    first = end;
  }
  if (index.stats().rows >= rows.size()) return RowSet::of(rows);
  SearchRequest all;  // points may lack a field: the index knows which do
  all.query = any;
  all.k = static_cast<uint32_t>(rows.size());
  const RowSet live = RowSet::of(rows);
  all.allowed = &live;
  all.plan = FilterPlan::kScan;
  rows.clear();
  for (const Neighbor& neighbor : TRY(index.search(all)).neighbors) rows.push_back(neighbor.row);
  std::sort(rows.begin(), rows.end());
  return RowSet::of(rows);
}

/// Recent real queries, newest first; where there are too few, stored vectors besides. But not after a drift:
/// that queries are unlike what is stored is what it says.
Result<LocalCollection::CalibrationQueries> LocalCollection::calibration_queries(uint8_t position,
                                                                                 bool drifted) const {
  const VectorField& field = schema_.vectors[position];
  const size_t count = engine_->calibration_queries;
  CalibrationQueries queries;
  for (const auto& query : ledgers_[position]->recent().newest(count)) {
    queries.vectors.insert(queries.vectors.end(), query->vector.begin(), query->vector.end());
    queries.stored_as.push_back(kNoRow);
  }
  if (drifted && !queries.stored_as.empty()) return queries;
  Random random(mix64(number_) ^ position);
  std::set<Row> rows;
  View view;
  {
    std::shared_lock lock(state_mutex_);
    view = view_locked();
    const size_t more = std::min(count - queries.stored_as.size(), ids_.size());
    // By number, the same ones each time; by id where few of all rows live.
    const Row rows_end = next_row_;
    for (size_t tries = 0; rows_end > 0 && tries < 8 * more && rows.size() < more; ++tries) {
      const auto row = static_cast<Row>(random.below(rows_end));
      if (ids_.live(row)) rows.insert(row);
    }
    for (size_t tries = 0; tries < 8 * more && rows.size() < more; ++tries)
      rows.insert(ids_.random_live(random));
  }
  std::vector<Row> taken(rows.begin(), rows.end());
  std::vector<std::string> keys;
  for (const Row row : taken) keys.push_back(vector_key(number_, position, row));
  TRY(view->multi_get(KvTable::kVectors, keys, [&](size_t i, std::string_view stored) {
    if (stored.size() != vector_bytes(field.type, field.dim)) return;
    append_as_query(field, stored, queries.vectors);
    queries.stored_as.push_back(taken[i]);
  }));
  return queries;
}

Result<bool> LocalCollection::check_recall(const Stop& stop) {
  return while_alive([&]() -> Result<bool> {
    for (size_t position = 0; position < fields_.size(); ++position) {
      if (!measurable(*fields_[position])) continue;
      if (const auto asked = ledgers_[position]->recent().next(); asked != nullptr) {
        TRY(answer_again(static_cast<uint8_t>(position), *asked, stop));
        return true;
      }
    }
    return false;
  });
}

/// One that said its effort was promised nothing.
Result<void> LocalCollection::answer_again(uint8_t position, const AskedQuery& asked,
                                           const Stop& stop) const {
  if (asked.effort != 0) return {};
  Query query;
  query.vector = asked.vector;
  query.k = asked.k;
  query.recall_target = asked.recall_target;
  query.filter = asked.filter;
  query.stop = stop;
  const Row rows_end = next_row_.load(std::memory_order_acquire);
  SearchCourse course = course_of(query, position);
  const Found found = TRY(search_index(query, *fields_[position], course));
  const std::vector<Neighbor> truth = TRY(true_nearest(position, query, rows_end));
  {
    const uint64_t now_ms = engine_->now_ms();
    std::shared_lock lock(state_mutex_);
    const auto gone = [&](const Neighbor& n) {
      return n.row >= rows_end || !ids_.live(n.row) || expiries_.expired(n.row, now_ms);
    };
    if (std::ranges::any_of(found.neighbors, gone) || std::ranges::any_of(truth, gone)) return {};
  }
  if (!fields_[position]->usable() || truth.empty()) return {};
  ledgers_[position]->note(recall_of(found.neighbors, truth), asked.recall_target);
  return {};
}

/// Of the rows below `rows_end`, by distances to all of them that satisfy the filter.
Result<std::vector<Neighbor>> LocalCollection::true_nearest(uint8_t position, const Query& query,
                                                            Row rows_end) const {
  RowSet rows = RowSet::range(0, rows_end);
  if (query.filter.has_value()) {
    FilteredRead read(*this, *query.filter, query.stop);
    TRY(read.select(/*locked=*/false));
    if (!read.decided()) TRY(read.decide(*view_now(/*locked=*/false)));
    rows.intersect(read.rows());
  }
  {
    std::shared_lock lock(state_mutex_);
    rows.subtract(expired_locked());
  }
  SearchRequest request = request_of(query, schema_.vectors[position], wanted(query));
  request.allowed = &rows;
  request.plan = FilterPlan::kScan;
  return TRY(fields_[position]->index()->search(request)).neighbors;
}

}  // namespace kith
