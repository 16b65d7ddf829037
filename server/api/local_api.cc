// LocalApi: kith.v1 answered by a Database in this process. Validate, find the collection, convert, call,
// convert.
#include <cmath>

#include "query/backup.h"
#include "query/database.h"
#include "server/api/api.h"
#include "server/api/convert.h"
#include "server/api/convert_filter.h"
#include "server/api/convert_plan.h"
#include "server/api/local_reads.h"
#include "server/api/local_stream.h"
#include "server/api/local_writes.h"
#include "server/api/validate.h"
#include "server/api/wire_limits.h"

namespace kith {
namespace {

/// Points read per step where payloads may be large: a page of n points costs at most one step over
/// kAnswerBytes.
constexpr uint32_t kPageStep = 64;

Fetch fetch_from_proto(const v1::Fetch& fetch) {
  return {fetch.payload(), fetch.vectors()};
}

class LocalApi final : public Api {
 public:
  LocalApi(Database& database, BackupRoot backups) : database_(database), backups_(std::move(backups)) {}

  Result<v1::CreateCollectionResponse> create_collection(const v1::CreateCollectionRequest& request,
                                                         const Stop& stop) override {
    TRY(validate(request));
    const Schema schema = TRY(schema_from_proto(request));
    TRY(stop.check());
    TRY(database_.create_collection(request.collection(), schema));
    return v1::CreateCollectionResponse();
  }

  Result<v1::DropCollectionResponse> drop_collection(const v1::DropCollectionRequest& request,
                                                     const Stop& stop) override {
    TRY(validate(request));
    TRY(stop.check());
    TRY(database_.drop_collection(request.collection()));
    return v1::DropCollectionResponse();
  }

  Result<v1::ListCollectionsResponse> list_collections(const v1::ListCollectionsRequest& request,
                                                       const Stop&) override {
    TRY(validate(request));
    v1::ListCollectionsResponse response;
    for (const std::string& name : database_.collection_names()) response.add_collections(name);
    return response;
  }

  Result<v1::GetCollectionResponse> get_collection(const v1::GetCollectionRequest& request,
                                                   const Stop&) override {
    TRY(validate(request));
    const auto collection = TRY(database_.collection(request.collection()));
    v1::GetCollectionResponse response;
    info_to_proto(collection->info(), &response);
    return response;
  }

  Result<v1::WriteResponse> upsert(const v1::UpsertRequest& request, const Stop& stop) override {
    TRY(validate(request));
    return local_upsert(*TRY(database_.collection(request.collection())), request, stop);
  }

  Result<v1::WriteResponse> remove(const v1::DeleteRequest& request, const Stop& stop) override {
    TRY(validate(request));
    return local_remove(*TRY(database_.collection(request.collection())), request, stop);
  }

  Result<v1::WriteResponse> update(const v1::UpdateRequest& request, const Stop& stop) override {
    TRY(validate(request));
    return local_update(*TRY(database_.collection(request.collection())), request, stop);
  }

  Result<std::unique_ptr<UpsertStream>> upsert_stream(const Stop& stop) override {
    return make_local_stream(*this, stop);
  }

  Result<v1::GetResponse> get(const v1::GetRequest& request, const Stop& stop) override {
    TRY(validate(request));
    const auto collection = TRY(database_.collection(request.collection()));
    TRY(collection->wait_for(request.after_sequence(), stop));
    const std::vector<Id> ids = TRY(ids_from_proto(request.ids()));
    const Fetch fetch = fetch_from_proto(request.fetch());
    v1::GetResponse response;
    uint64_t bytes = 0;
    for (size_t begin = 0; begin < ids.size(); begin += kPageStep) {
      TRY(stop.check());
      const size_t count = std::min<size_t>(kPageStep, ids.size() - begin);
      auto points = TRY(collection->get(std::span(ids).subspan(begin, count), fetch));
      for (std::optional<Point>& point : points) {
        v1::GetResponse::Entry* entry = response.add_entries();
        if (!point) continue;
        point_to_proto(*std::move(point), collection->schema(), entry->mutable_point());
        bytes += entry->ByteSizeLong();
      }
      if (bytes > limits::kAnswerBytes.max) return TRY(check_answer(response)), response;
    }
    TRY(check_answer(response));
    return response;
  }

  /// A page ends early, with `next` set, before it would pass kAnswerBytes.
  Result<v1::ScrollResponse> scroll(const v1::ScrollRequest& request, const Stop& stop) override {
    TRY(validate(request));
    const auto collection = TRY(database_.collection(request.collection()));
    TRY(collection->wait_for(request.after_sequence(), stop));
    if (request.has_order_by()) return local_ordered_scroll(*collection, request, stop);
    std::optional<Id> from;
    if (request.has_from()) {
      auto id = id_from_proto(request.from());
      if (!id.ok()) return make_error(id.error().code, "from: {}", id.error().message);
      from = *std::move(id);
    }
    const uint64_t limit = request.limit() == 0 ? limits::kScrollLimit.fallback : request.limit();
    const std::optional<Filter> filter = TRY(filter_of(request));
    return read_page(*collection, std::move(from), static_cast<uint32_t>(limit),
                     fetch_from_proto(request.fetch()), filter.has_value() ? &*filter : nullptr, stop);
  }

  Result<v1::CountResponse> count(const v1::CountRequest& request, const Stop& stop) override {
    TRY(validate(request));
    const auto collection = TRY(database_.collection(request.collection()));
    TRY(collection->wait_for(request.after_sequence(), stop));
    v1::CountResponse response;
    const std::optional<Filter> filter = TRY(filter_of(request));
    response.set_count(TRY(collection->count(filter.has_value() ? &*filter : nullptr, stop)));
    return response;
  }

  Result<v1::SearchResponse> search(const v1::SearchRequest& request, const Stop& stop) override {
    TRY(validate(request));
    const auto collection = TRY(database_.collection(request.collection()));
    TRY(collection->wait_for(request.after_sequence(), stop));
    Query query = TRY(query_from_proto(request, collection->schema(), stop));
    AnswerBudget budget(limits::kAnswerBytes.max);
    query.fetch.budget = &budget;
    v1::SearchResponse response;
    answer_to_proto(TRY(collection->search(query)), collection->schema(), &response);
    if (query.fetch.payload || query.fetch.vectors || query.group_by) TRY(check_answer(response));
    return response;
  }

  Result<v1::SearchBatchResponse> search_batch(const v1::SearchBatchRequest& request,
                                               const Stop& stop) override {
    TRY(validate(request));
    const auto collection = TRY(database_.collection(request.collection()));
    uint64_t after = request.after_sequence();
    for (const v1::SearchRequest& query : request.queries()) after = std::max(after, query.after_sequence());
    TRY(collection->wait_for(after, stop));
    AnswerBudget budget(limits::kAnswerBytes.max);
    std::vector<Query> queries;
    queries.reserve(static_cast<size_t>(request.queries_size()));
    for (int i = 0; i < request.queries_size(); ++i) {
      auto query = query_from_proto(request.queries(i), collection->schema(), stop);
      if (!query.ok()) return within(std::move(query).error(), "queries", static_cast<size_t>(i));
      if (query->field != (queries.empty() ? query->field : queries[0].field)) {
        return invalid_argument(
            "queries[{}].vector.field: '{}' differs from queries[0]'s '{}'; one batch asks one field", i,
            query->field, queries[0].field);
      }
      queries.push_back(*std::move(query));
      queries.back().fetch.budget = &budget;
    }
    auto answers = TRY(collection->search_batch(queries));
    v1::SearchBatchResponse response;
    uint64_t bytes = 0;
    for (Answer& answer : answers) {
      v1::SearchResponse* to = response.add_answers();
      answer_to_proto(std::move(answer), collection->schema(), to);
      bytes += to->ByteSizeLong();
      if (bytes > limits::kAnswerBytes.max) break;
    }
    TRY(check_answer(response));
    return response;
  }

  Result<v1::SearchResponse> range_search(const v1::RangeSearchRequest& request, const Stop& stop) override {
    TRY(validate(request));
    const auto collection = TRY(database_.collection(request.collection()));
    TRY(collection->wait_for(request.after_sequence(), stop));
    RangeQuery query = TRY(range_from_proto(request, collection->schema(), stop));
    AnswerBudget budget(limits::kAnswerBytes.max);
    query.fetch.budget = &budget;
    v1::SearchResponse response;
    answer_to_proto(TRY(collection->range_search(query)), collection->schema(), &response);
    TRY(check_answer(response));
    return response;
  }

  Result<v1::SearchResponse> recommend(const v1::RecommendRequest& request, const Stop& stop) override {
    TRY(validate(request));
    const auto collection = TRY(database_.collection(request.collection()));
    TRY(collection->wait_for(request.after_sequence(), stop));
    return local_recommend(*collection, request, stop);
  }

  Result<v1::FacetResponse> facet(const v1::FacetRequest& request, const Stop& stop) override {
    TRY(validate(request));
    const auto collection = TRY(database_.collection(request.collection()));
    TRY(collection->wait_for(request.after_sequence(), stop));
    return local_facet(*collection, request, stop);
  }

  Result<v1::SettleResponse> settle(const v1::SettleRequest& request, const Stop& stop) override {
    TRY(validate(request));
    const auto collection = TRY(database_.collection(request.collection()));
    TRY(collection->settle(stop));
    return v1::SettleResponse();
  }

  Result<v1::VerifyResponse> verify(const v1::VerifyRequest& request, const Stop& stop) override {
    TRY(validate(request));
    const VerifyReport report = TRY(database_.verify(request.collection(), stop));
    v1::VerifyResponse response;
    response.set_points(report.points);
    response.set_bytes(report.bytes);
    for (const std::string& problem : report.problems) response.add_problems(problem);
    for (const auto& [field, audit] : report.graphs) {
      v1::FieldGraph& graph = *response.add_graphs();
      graph.set_field(field);
      graph.set_nodes(audit.nodes);
      graph.set_pending(audit.pending);
      graph.set_chained(audit.chained);
      graph.set_edges(audit.edges);
      graph.set_unreachable(audit.unreachable);
      for (uint32_t degree = 0; degree < audit.degrees.size(); ++degree)
        if (audit.degrees[degree] > 0) graph.set_degree_max(degree);
    }
    return response;
  }

  Result<v1::LimitMemoryResponse> limit_memory(const v1::LimitMemoryRequest& request,
                                               const Stop& stop) override {
    TRY(validate(request));
    TRY(stop.check());
    TRY(database_.limit_memory(request.collection(), request.memory_bytes_max()));
    return v1::LimitMemoryResponse();
  }

  Result<v1::SetRecallTargetResponse> set_recall_target(const v1::SetRecallTargetRequest& request,
                                                        const Stop& stop) override {
    TRY(validate(request));
    TRY(stop.check());
    TRY(database_.set_recall_target(request.collection(), request.recall_target()));
    return v1::SetRecallTargetResponse();
  }

  Result<v1::CalibrateResponse> calibrate(const v1::CalibrateRequest& request, const Stop& stop) override {
    TRY(validate(request));
    const auto collection = TRY(database_.collection(request.collection()));
    v1::CalibrateResponse response;
    for (const FieldCalibration& field : TRY(collection->calibrate(stop)))
      calibration_to_proto(field, response.add_fields());
    TRY(check_answer(response));
    return response;
  }

  Result<v1::CheckpointResponse> checkpoint(const v1::CheckpointRequest& request, const Stop& stop) override {
    TRY(validate(request));
    const auto collection = TRY(database_.collection(request.collection()));
    TRY(stop.check());
    const CheckpointReport report = TRY(collection->checkpoint());
    v1::CheckpointResponse response;
    response.set_sequence(report.sequence);
    response.set_bytes(report.bytes);
    response.set_written(report.written);
    response.set_seconds(report.seconds);
    return response;
  }

  Result<v1::CompactResponse> compact(const v1::CompactRequest& request, const Stop& stop) override {
    TRY(validate(request));
    const PurgeReceipt receipt = TRY(database_.compact(request.collection(), stop));
    v1::CompactResponse response;
    response.set_sequence(receipt.sequence);
    response.set_points_removed(receipt.points_removed);
    response.set_bytes_before(receipt.bytes_before);
    response.set_bytes_after(receipt.bytes_after);
    response.set_seconds(receipt.seconds);
    return response;
  }

  Result<v1::BackupResponse> backup(const v1::BackupRequest& request, const Stop& stop) override {
    const std::string directory = TRY(backup_directory(backups_, request.to()));
    const BackupReport report = TRY(database_.backup(directory, stop));
    v1::BackupResponse response;
    backup_to_proto(report.backup, response.mutable_backup());
    response.set_copied_bytes(report.copied_bytes);
    response.set_seconds(report.seconds);
    return response;
  }

  Result<v1::ListBackupsResponse> list_backups(const v1::ListBackupsRequest& request,
                                               const Stop& stop) override {
    OfflineOptions options;
    options.stop = stop;
    v1::ListBackupsResponse response;
    const std::string directory = TRY(backup_directory(backups_, request.to()));
    // Nobody made one there yet: that is no error of the question.
    auto listed = kith::list_backups(directory, options);
    if (!listed.ok() && listed.error().code != Code::kNotFound) return std::move(listed).error();
    if (listed.ok())
      for (const BackupInfo& backup : *listed) backup_to_proto(backup, response.add_backups());
    if (const auto running = database_.backup_progress(); running.has_value()) {
      response.mutable_running()->set_bytes_done(running->bytes_done);
      response.mutable_running()->set_bytes_total(running->bytes_total);
    }
    TRY(check_answer(response));
    return response;
  }

 private:
  static Result<v1::ScrollResponse> read_page(const Collection& collection, std::optional<Id> from,
                                              uint32_t limit, Fetch fetch, const Filter* filter,
                                              const Stop& stop) {
    v1::ScrollResponse response;
    uint64_t bytes = 0;
    uint32_t left = limit;
    while (left > 0) {
      TRY(stop.check());
      ScrollPage page = TRY(collection.scroll(from, std::min(left, kPageStep), fetch, filter, stop));
      left -= static_cast<uint32_t>(std::min<size_t>(left, page.points.size()));
      for (Point& point : page.points) {
        v1::Point to;
        Id id = point.id;
        point_to_proto(std::move(point), collection.schema(), &to);
        bytes += to.ByteSizeLong() + 16;
        if (bytes > limits::kAnswerBytes.max && response.points_size() > 0) {
          id_to_proto(id, response.mutable_next());
          return response;
        }
        *response.add_points() = std::move(to);
      }
      from = std::move(page.next);
      if (!from) return response;
    }
    id_to_proto(*from, response.mutable_next());
    return response;
  }

  Database& database_;
  const BackupRoot backups_;
};

}  // namespace

std::unique_ptr<Api> make_local_api(Database& database, const BackupRoot& backups) {
  return std::make_unique<LocalApi>(database, backups);
}

}  // namespace kith
