// kith bench: recall, QPS and latency of one collection per effort, as its users would see them: each client
// sends one query, waits for the answer, sends the next.
#include <algorithm>
#include <atomic>
#include <thread>

#include "server/cli/bench_truth.h"
#include "server/cli/commands.h"
#include "server/cli/interrupt.h"
#include "server/cli/json_writer.h"
#include "server/cli/table.h"
#include "server/cli/wire.h"

namespace kith {
namespace {

using SteadyClock = std::chrono::steady_clock;

/// What one client saw.
struct ClientLog {
  std::vector<double> latencies_us;
  uint64_t found = 0;
  uint64_t expected = 0;
  Result<void> result;
};

/// What is asked of each search. Neither: as much as the collection's recall target takes.
struct Asked {
  uint32_t effort = 0;
  double recall = 0;

  std::string text() const {
    if (recall != 0) return fmt::format("recall {}", recall);
    return effort == 0 ? "default" : std::to_string(effort);
  }
};

struct Figures {
  Asked asked;
  uint64_t searches = 0;
  double recall = 0;
  double qps = 0;
  double p50_us = 0;
  double p99_us = 0;
};

struct Bench {
  const BenchOptions& options;
  Session& session;
  const Truth& truth;
  const std::vector<v1::SearchRequest>& requests;
};

/// One client's loop: queries in order from its own start, until time is up and every query was sent once by
/// someone.
void run_client(const Bench& bench, Api& api, Asked asked, std::atomic<uint64_t>& next,
                SteadyClock::time_point end, ClientLog& log) {
  while (!interrupted()) {
    const uint64_t ticket = next.fetch_add(1, std::memory_order_relaxed);
    const size_t i = ticket % bench.requests.size();
    if (ticket >= bench.requests.size() && SteadyClock::now() >= end) return;
    v1::SearchRequest request = bench.requests[i];
    request.set_effort(asked.effort);
    request.set_recall_target(asked.recall);
    const auto begin = SteadyClock::now();
    auto response = api.search(request, bench.session.stop());
    const auto after = SteadyClock::now();
    if (!response.ok()) {
      log.result = std::move(response).error();
      return;
    }
    log.latencies_us.push_back(std::chrono::duration<double, std::micro>(after - begin).count());
    // Each query is judged once, however often it is sent.
    if (ticket < bench.truth.size()) {
      log.found += bench.truth.found(i, *response);
      log.expected += bench.truth.expected[i];
    }
  }
  log.result = cancelled("stopped before the measurement was complete");
}

double percentile(const std::vector<double>& sorted, double share) {
  const auto rank = static_cast<size_t>(share * static_cast<double>(sorted.size()));
  return sorted[std::min(rank, sorted.size() - 1)];
}

Result<Figures> measure(const Bench& bench, std::vector<std::unique_ptr<Api>>& apis, Asked asked) {
  std::vector<ClientLog> logs(apis.size());
  std::atomic<uint64_t> next{0};
  const auto begin = SteadyClock::now();
  const auto end = begin + std::chrono::duration_cast<SteadyClock::duration>(
                               std::chrono::duration<double>(bench.options.seconds));
  std::vector<std::thread> threads;
  for (size_t i = 0; i < apis.size(); ++i)
    threads.emplace_back([&, i] { run_client(bench, *apis[i], asked, next, end, logs[i]); });
  for (std::thread& thread : threads) thread.join();
  const double seconds = std::chrono::duration<double>(SteadyClock::now() - begin).count();

  std::vector<double> latencies;
  uint64_t found = 0;
  uint64_t expected = 0;
  for (ClientLog& log : logs) {
    TRY(std::move(log.result));
    latencies.insert(latencies.end(), log.latencies_us.begin(), log.latencies_us.end());
    found += log.found;
    expected += log.expected;
  }
  std::sort(latencies.begin(), latencies.end());
  Figures figures;
  figures.asked = asked;
  figures.searches = latencies.size();
  figures.recall = static_cast<double>(found) / static_cast<double>(expected);
  figures.qps = static_cast<double>(latencies.size()) / seconds;
  figures.p50_us = percentile(latencies, 0.50);
  figures.p99_us = percentile(latencies, 0.99);
  return figures;
}

void print_json(const Bench& bench, const std::vector<Figures>& all, Console& console) {
  JsonWriter out;
  out.begin_object().field("collection", bench.options.collection).field("k", bench.options.k);
  out.field("queries", bench.requests.size())
      .field("judged", bench.truth.size())
      .field("truth", bench.truth.source);
  out.field("clients", bench.options.clients).key("results").begin_array();
  for (const Figures& figures : all) {
    out.begin_object().field("effort", figures.asked.effort);
    if (figures.asked.recall != 0) out.field("recall_target", figures.asked.recall);
    out.field("recall", figures.recall).field("qps", figures.qps);
    out.field("p50_us", figures.p50_us)
        .field("p99_us", figures.p99_us)
        .field("searches", figures.searches)
        .end_object();
  }
  out.end_array().end_object();
  console.print_line(out.str());
}

void print_table(const Bench& bench, const std::vector<Figures>& all, Console& console) {
  console.note(fmt::format("{} queries, {} client{}, one query at a time each; recall by distance against {}",
                           human_count(bench.requests.size()), bench.options.clients,
                           bench.options.clients == 1 ? "" : "s", bench.truth.source));
  TextTable table(
      {">effort", fmt::format(">recall@{}", bench.options.k), ">QPS", ">p50 µs", ">p99 µs", ">searches"});
  for (const Figures& figures : all) {
    table.add({figures.asked.text(), fmt::format("{:.4f}", figures.recall),
               human_count(static_cast<uint64_t>(figures.qps)), fmt::format("{:.0f}", figures.p50_us),
               fmt::format("{:.0f}", figures.p99_us), human_count(figures.searches)});
  }
  console.print(table.str());
}

}  // namespace

Result<ExitCode> run_bench(const BenchOptions& options, Console& console) {
  ReaderOptions reading;
  reading.hdf5_dataset = options.hdf5_dataset;
  reading.rows_max = options.limit.value_or(UINT64_MAX);
  const Matrix queries = TRY(read_matrix(options.queries, reading));
  if (queries.rows == 0) return invalid_argument("--queries '{}' holds no rows", options.queries);
  Session session = TRY(Session::open(options.target, false));
  const v1::GetCollectionResponse info = TRY(session.collection(options.collection));
  const v1::FieldInfo field = TRY(pick_field(info, options.field));
  if (queries.dim != field.field().dim())
    return invalid_argument("--queries '{}' has {} dimensions, but field '{}' of collection '{}' has {}",
                            options.queries, queries.dim, field.field().name(), options.collection,
                            field.field().dim());
  const Truth truth = TRY(find_truth(options, field, queries, session, console));
  std::vector<v1::SearchRequest> requests;
  for (size_t i = 0; i < queries.rows; ++i)
    requests.push_back(bench_request(options, field.field(), queries, i));
  std::vector<std::unique_ptr<Api>> apis;
  for (uint32_t i = 0; i < options.clients; ++i) apis.push_back(TRY(session.another_api()));

  const Bench bench{options, session, truth, requests};
  std::vector<Asked> asked;
  for (const uint32_t effort : options.efforts) asked.push_back({effort, 0});
  for (const double recall : options.recalls) asked.push_back({0, recall});
  if (asked.empty()) asked.emplace_back();
  std::vector<Figures> all;
  for (const Asked each : asked) all.push_back(TRY(measure(bench, apis, each)));
  if (console.json) {
    print_json(bench, all, console);
  } else {
    print_table(bench, all, console);
  }
  return ExitCode::kOk;
}

}  // namespace kith
