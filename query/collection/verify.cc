// Collection verification: every stored byte of one snapshot is read (RocksDB checks its checksums on the
// way), every record is decoded, and ids, row records, vectors, the change log and the indexes are compared
// with each other. Writers are stopped only while the moment is pinned. What differs is a problem of the
// report, not an error: errors are for a verification that could not be done.
#include <array>
#include <cmath>

#include "query/collection/local_collection.h"
#include "query/schema/id_codec.h"
#include "storage/log/change_log.h"
#include "storage/rows/row_record.h"

namespace kith {
namespace {

constexpr size_t kProblemsMax = 100;    // enough to act on; the report says when there are more
constexpr size_t kStopEvery = 1024;     // records between looks at the caller's deadline
constexpr uint64_t kIndexSamples = 64;  // rows per field looked up in its index

/// One verification of one snapshot.
class Verifier {
 public:
  Verifier(const KvSnapshot& view, CollectionNumber number, const Schema& schema, const ExpiryMap& expiries,
           const Stop& stop, VerifyReport& report)
      : view_(view),
        number_(number),
        schema_(schema),
        expiries_(expiries),
        stop_(stop),
        report_(report),
        found_(schema.vectors.size()) {}

  /// Ids → rows, decoded and unique.
  Result<void> read_ids(Row next_row) {
    ids_of_rows_.resize(next_row);
    return walk(KvTable::kRecords, id_entry_range(number_),
                [&](std::string_view key, std::string_view value) { return add_id(key, value); });
  }
  /// Row records agree with the ids.
  Result<void> read_rows() {
    TRY(walk(KvTable::kRecords, row_record_range(number_),
             [&](std::string_view key, std::string_view value) { return check_row(key, value); }));
    if (rows_ != report_.points) problem("{} row records are stored for {} ids", rows_, report_.points);
    return {};
  }
  /// Every vector that a row record promises is there, no other.
  Result<void> read_vectors(uint8_t position) {
    auto visit = [&](std::string_view key, std::string_view value) {
      return check_vector(position, key, value);
    };
    TRY(walk(KvTable::kVectors, vector_range(number_, position, 0, kNoRow), visit));
    if (found_[position].stored != found_[position].promised)
      problem("field '{}' has {} vectors, its row records promise {}", schema_.vectors[position].name,
              found_[position].stored, found_[position].promised);
    return {};
  }

  template <typename... Args>
  void problem(fmt::format_string<Args...> format, Args&&... args) {
    if (report_.problems.size() < kProblemsMax)
      report_.problems.push_back(fmt::format(format, std::forward<Args>(args)...));
    else if (report_.problems.size() == kProblemsMax)
      report_.problems.push_back("and more");
  }
  uint64_t stored_vectors(uint8_t position) const { return found_[position].stored; }

 private:
  struct Vectors {
    uint64_t stored = 0;
    uint64_t promised = 0;
  };

  /// A record that does not decode is a problem; bytes that cannot be read end the walk with a problem too.
  template <typename Visit>
  Result<void> walk(KvTable table, const KeyRange& range, Visit visit) {
    auto entry = view_.iterate(table, range.begin, range.end);
    for (size_t i = 0; entry->valid(); entry->next(), ++i) {
      if (i % kStopEvery == 0) TRY(stop_.check());
      report_.bytes += entry->key().size() + entry->value().size();
      if (auto sound = visit(entry->key(), entry->value()); !sound.ok()) problem("{}", sound.error().message);
    }
    if (auto end = entry->status(); !end.ok()) problem("{}", end.error().message);
    return {};
  }

  Result<void> add_id(std::string_view key, std::string_view value) {
    const std::string_view id_key = TRY(id_key_of_entry(key));
    TRY(parse_id_key(id_key));
    const Row row = TRY(parse_row_value(value));
    if (row >= ids_of_rows_.size())
      return corruption("id {} names row {} past the end", id_key_text(id_key), row);
    if (!ids_of_rows_[row].empty()) return corruption("row {} has two ids", row);
    ids_of_rows_[row] = id_key;
    ++report_.points;
    return {};
  }

  Result<void> check_row(std::string_view key, std::string_view value) {
    const Row row = TRY(row_of_record_key(key));
    ++rows_;
    auto record = parse_row_record(value);
    if (!record.ok()) return corruption("row {}: {}", row, record.error().message);
    if (row >= ids_of_rows_.size() || ids_of_rows_[row] != record->id_key)
      return corruption("row {} says it is id {}, which lives elsewhere", row, id_key_text(record->id_key));
    if (record->fields >> schema_.vectors.size() != 0)
      return corruption("row {} has fields {:#x}, the schema has {}", row, record->fields,
                        schema_.vectors.size());
    if (record->expires_at_ms != expiries_.expires_at(row))
      return corruption("row {} expires at {} ms as stored, at {} ms in memory", row, record->expires_at_ms,
                        expiries_.expires_at(row));
    fields_of_rows_.resize(ids_of_rows_.size());
    fields_of_rows_[row] = record->fields;
    for (size_t field = 0; field < found_.size(); ++field)
      found_[field].promised += record->fields >> field & 1;
    return {};
  }

  Result<void> check_vector(uint8_t position, std::string_view key, std::string_view value) {
    const VectorField& field = schema_.vectors[position];
    const Row row = TRY(row_of_vector_key(key));
    ++found_[position].stored;
    if (row >= fields_of_rows_.size() || (fields_of_rows_[row] >> position & 1) == 0)
      return corruption("vector '{}' of row {} belongs to no row record", field.name, row);
    if (value.size() == vector_bytes(field.type, field.dim)) return {};
    return corruption("vector '{}' of row {} has {} bytes, not {}", field.name, row, value.size(),
                      vector_bytes(field.type, field.dim));
  }

  const KvSnapshot& view_;
  const CollectionNumber number_;
  const Schema& schema_;
  const ExpiryMap& expiries_;
  const Stop& stop_;
  VerifyReport& report_;
  std::vector<std::string> ids_of_rows_;
  std::vector<uint16_t> fields_of_rows_;
  std::vector<Vectors> found_;  // per field
  uint64_t rows_ = 0;
};

/// A query of the kernels' type made from a stored vector.
std::vector<std::byte> query_from(std::string_view stored, const VectorField& field) {
  const auto* data = reinterpret_cast<const std::byte*>(stored.data());
  if (query_type(field.type) == field.type) return {data, data + stored.size()};
  std::vector<std::byte> query(size_t{field.dim} * sizeof(float));
  to_f32(data, field.dim, field.type, reinterpret_cast<float*>(query.data()));
  return query;
}

}  // namespace

Result<VerifyReport> LocalCollection::verify(const Stop& stop) {
  return while_alive([&] { return verify_alive(stop); });
}

Result<VerifyReport> LocalCollection::verify_alive(const Stop& stop) {
  VerifyReport report;
  View view;
  uint64_t points = 0;
  Row next_row = 0;
  ExpiryMap expiries;
  uint64_t in_columns = 0;
  std::vector<uint64_t> indexed;
  queue_.run_exclusively([&] {
    std::shared_lock lock(state_mutex_);
    view = view_locked();
    points = ids_.size();
    next_row = next_row_;
    expiries = expiries_;
    in_columns = columns_->rows();
    for (const auto& field : fields_) indexed.push_back(field->index()->stats().rows);
  });

  Verifier verifier(*view, number_, schema_, expiries, stop, report);
  if (auto log = last_change(*view, number_); !log.ok())
    verifier.problem("{}", log.error().message);
  else if (log->has_value() && ((*log)->points != points || (*log)->next_row() != next_row ||
                                (*log)->expiring != expiries.size()))
    verifier.problem(
        "the change log says {} points, {} of them expiring, and next row {}, memory {}, {} and {}",
        (*log)->points, (*log)->expiring, (*log)->next_row(), points, expiries.size(), next_row);
  TRY(verifier.read_ids(next_row));
  if (report.points != points) verifier.problem("{} ids are stored, {} are in memory", report.points, points);
  TRY(verifier.read_rows());
  if (in_columns != points)
    verifier.problem("{} ids are in memory, columns hold {} rows", points, in_columns);
  TRY(verify_columns(*view, next_row, stop, report));
  for (size_t field = 0; field < fields_.size(); ++field) {
    const auto position = static_cast<uint8_t>(field);
    TRY(verifier.read_vectors(position));
    if (!fields_[field]->usable())
      verifier.problem("field '{}': its index cannot be asked; open the directory anew",
                       schema_.vectors[field].name);
    else if (verifier.stored_vectors(position) != indexed[field])
      verifier.problem("field '{}': {} vectors are stored, its index holds {}", schema_.vectors[field].name,
                       verifier.stored_vectors(position), indexed[field]);
    else
      TRY(verify_index(*view, position, next_row, stop, report));
    if (fields_[field]->usable() && fields_[field]->kind().audit != nullptr)
      TRY(verify_graph(position, report));
  }
  verify_checkpoint(report);
  return report;
}

/// Files that are kept from one checkpoint to the next would stay damaged: the next one writes all anew.
void LocalCollection::verify_checkpoint(VerifyReport& report) {
  const Result<uint64_t> read = checkpoints_.verify();
  if (read.ok()) {
    report.bytes += *read;
    return;
  }
  report.problems.push_back("checkpoint, written anew by the next one: " + read.error().message);
  const std::lock_guard none_writes(checkpoint_mutex_);
  for (const std::unique_ptr<FieldIndex>& field : fields_) field->set_saved(false);
  std::lock_guard lock(saved_mutex_);
  saved_state_.reset();
}

/// Every linked row that lives can be reached from where searches begin.
Result<void> LocalCollection::verify_graph(uint8_t position, VerifyReport& report) const {
  const FieldIndex& field = *fields_[position];
  GraphAudit audit = TRY(field.kind().audit(*field.index()));
  // A list that a writer was just rewriting may have been read half: looked at once more, it is whole.
  for (int attempt = 0; attempt < 3 && audit.unreachable > 0; ++attempt)
    audit = TRY(field.kind().audit(*field.index()));
  if (audit.unreachable > 0)
    report.problems.push_back(
        fmt::format("field '{}': no path of the graph leads to {} of {} rows, row {} among them",
                    field.field().name, audit.unreachable, audit.nodes, audit.examples[0]));
  report.graphs.push_back({field.field().name, std::move(audit)});
  return {};
}

/// Looks a sample of stored vectors up in the index, each allowed to find only itself: what it finds must be
/// as near as the kernel says and have its payload's labels, and an exact kind must find it.
Result<void> LocalCollection::verify_index(const KvSnapshot& view, uint8_t position, Row next_row,
                                           const Stop& stop, VerifyReport& report) const {
  const FieldIndex& field = *fields_[position];
  const VectorField& spec = field.field();
  const DistanceFn kernel = distance_kernel(spec.metric, spec.type);
  for (uint64_t sample = 0; sample < kIndexSamples; ++sample) {
    const KeyRange range =
        vector_range(number_, position, static_cast<Row>(next_row * sample / kIndexSamples), kNoRow);
    const auto entry = view.iterate(KvTable::kVectors, range.begin, range.end);
    if (!entry->valid() || entry->value().size() != vector_bytes(spec.type, spec.dim)) continue;
    const Row row = TRY(row_of_vector_key(entry->key()));
    const std::vector<std::byte> query = query_from(entry->value(), spec);
    const RowSet itself = RowSet::of(std::array{row});
    SearchRequest request;
    request.query = {query.data(), query_type(spec.type), spec.dim};
    request.k = 1;
    request.allowed = &itself;
    request.stop = stop;
    const SearchAnswer answer = TRY(field.index()->search(request));
    const void* stored = entry->value().data();
    float wanted = 0;
    kernel(query.data(), &stored, 1, spec.dim, &wanted);
    const bool found = !answer.neighbors.empty();
    const float tolerance = 1e-3f * (1 + std::abs(wanted));
    if (found && std::abs(answer.neighbors[0].distance - wanted) > tolerance)
      report.problems.push_back(
          fmt::format("field '{}': row {} is at distance {} from itself in the index, {} stored", spec.name,
                      row, answer.neighbors[0].distance, wanted));
    if (found && field.labeled()) {  // one that lacked a label would be missing from answers
      const std::vector<LabelSet> labels = TRY(stored_labels(view, std::array{row}));
      const LabelQuery all{LabelMatch::kAll, labels.front()};
      request.labels = &all;
      request.plan = FilterPlan::kScan;
      const SearchAnswer labeled = TRY(field.index()->search(request));
      std::shared_lock lock(state_mutex_);
      if (labeled.neighbors.empty() && ids_.live(row))
        report.problems.push_back(
            fmt::format("field '{}': row {} lacks labels in the index that its payload has", spec.name, row));
    }
    if (!found && field.kind().exact) {
      std::shared_lock lock(state_mutex_);
      if (ids_.live(row))
        report.problems.push_back(fmt::format("field '{}': row {} is not in the index", spec.name, row));
    }
  }
  return {};
}

}  // namespace kith
