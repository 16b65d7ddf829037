#include "bench/server/workload.h"

#include <algorithm>
#include <chrono>

#include "bench/harness/percentile.h"

namespace kith::bench {
namespace {

constexpr size_t kBatchRows = 1000;  // about 3 MB at 784 dimensions

using Time = std::chrono::steady_clock::time_point;

Time now() {
  return std::chrono::steady_clock::now();
}
double seconds_between(Time start, Time end) {
  return std::chrono::duration<double>(end - start).count();
}

v1::Metric wire_metric(Metric metric) {
  if (metric == Metric::kL2) return v1::METRIC_L2;
  return metric == Metric::kCosine ? v1::METRIC_COSINE : v1::METRIC_INNER_PRODUCT;
}

Result<void> create(Api& api, const std::string& collection, const std::string& kind, const BenchSet& set) {
  v1::CreateCollectionRequest request;
  request.set_collection(collection);
  v1::VectorField* field = request.add_vectors();
  field->set_name("vector");
  field->set_dim(set.base.dim);
  field->set_metric(wire_metric(set.metric));
  field->set_index(kind);
  TRY(api.create_collection(request, Stop()));
  return {};
}

void fill_batch(v1::UpsertRequest& batch, const BenchSet& set, size_t first, size_t end) {
  batch.clear_points();
  for (size_t row = first; row < end; ++row) {
    VectorView vector = set.base[row];
    v1::Point* point = batch.add_points();
    point->mutable_id()->set_number(row);
    point->add_vectors()->set_data(vector.data, vector.bytes());
  }
}

}  // namespace

Result<LoadFigures> load_set(Api& api, const std::string& collection, const std::string& kind,
                             const BenchSet& set) {
  TRY(create(api, collection, kind, set));
  v1::UpsertRequest batch;
  batch.set_collection(collection);
  batch.set_durability(v1::DURABILITY_SYNC);
  LoadFigures figures;
  Time start = now();
  std::unique_ptr<UpsertStream> stream = TRY(api.upsert_stream(Stop()));
  for (size_t first = 0; first < set.base.rows; first += kBatchRows) {
    fill_batch(batch, set, first, std::min(first + kBatchRows, set.base.rows));
    TRY(stream->send(batch));
  }
  TRY(stream->finish());
  figures.acknowledged_s = seconds_between(start, now());
  v1::SettleRequest settle;
  settle.set_collection(collection);
  TRY(api.settle(settle, Stop()));
  figures.settled_s = seconds_between(start, now());
  v1::CountRequest count;
  count.set_collection(collection);
  v1::CountResponse counted = TRY(api.count(count, Stop()));
  if (counted.count() == set.base.rows) return figures;
  return corruption("collection '{}': {} rows were acknowledged, {} are there", collection, set.base.rows,
                    counted.count());
}

Result<Latencies> search_all(Api& api, const std::string& collection, const BenchSet& set, size_t queries,
                             uint32_t k) {
  v1::SearchRequest request;
  request.set_collection(collection);
  request.set_k(k);
  Latencies latencies;
  latencies.answers.assign(queries * k, kNoRow);
  std::vector<double> micros;
  Time start = now();
  for (size_t query = 0; query < queries; ++query) {
    VectorView vector = set.queries[query];
    Time asked = now();
    request.mutable_vector()->set_data(vector.data, vector.bytes());
    v1::SearchResponse response = TRY(api.search(request, Stop()));
    micros.push_back(seconds_between(asked, now()) * 1e6);
    int count = std::min(response.hits_size(), static_cast<int>(k));
    for (int i = 0; i < count; ++i)
      latencies.answers[query * k + static_cast<size_t>(i)] =
          static_cast<Row>(response.hits(i).id().number());
  }
  latencies.qps = static_cast<double>(queries) / std::max(seconds_between(start, now()), 1e-9);
  latencies.p50_us = percentile(micros, 0.50);
  latencies.p99_us = percentile(micros, 0.99);
  return latencies;
}

}  // namespace kith::bench
