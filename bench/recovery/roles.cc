#include "bench/recovery/roles.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <charconv>
#include <chrono>
#include <span>

#include "base/log.h"
#include "bench/recovery/progress.h"
#include "bench/recovery/workload.h"
#include "query/database.h"

namespace kith::bench {
namespace {

using Time = std::chrono::steady_clock::time_point;

Time now() {
  return std::chrono::steady_clock::now();
}
double seconds_since(Time start) {
  return std::chrono::duration<double>(now() - start).count();
}

/// Of all threads of this process.
double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

Query query_of(const BenchSet& set, size_t number) {
  const VectorView vector = set.queries[number];
  Query query;
  query.vector.assign(vector.data, vector.data + vector.bytes());
  query.k = kFirstAnswerK;
  return query;
}

Result<Numbers> load(const Role& role, const Workload& workload) {
  Numbers numbers;
  const Time start = now();
  std::unique_ptr<Database> database = TRY(Database::open(role.directory, {}));
  std::shared_ptr<Collection> collection = TRY(database->create_collection(kCollection, workload.schema()));
  for (uint64_t batch = 0; batch < workload.batches_per_pass(); ++batch)
    TRY(collection->upsert(workload.batch(batch), Durability::kSync));
  numbers["load_s"] = seconds_since(start);
  TRY(collection->settle({}));
  numbers["settle_s"] = seconds_since(start);
  collection.reset();
  const Time closing = now();
  database.reset();
  numbers["close_s"] = seconds_since(closing);
  return numbers;
}

Result<Numbers> write(const Role& role, const Workload& workload) {
  const std::unique_ptr<Progress> progress = TRY(Progress::map(role.progress));
  const std::unique_ptr<Database> database = TRY(Database::open(role.directory, {}));
  const std::shared_ptr<Collection> collection =
      TRY(database->create_collection(kCollection, workload.schema()));
  for (uint64_t batch = 0;; ++batch) {
    TRY(collection->upsert(workload.batch(batch), batch % 2 == 0 ? Durability::kSync : Durability::kAsync));
    progress->acknowledged() = batch + 1;
  }
}

/// Share of the answers to the first queries that are as near as an exact scan's.
Result<double> recall(const Collection& collection, const BenchSet& set) {
  std::vector<Query> queries;
  for (size_t i = 0; i < std::min(set.queries.rows, kCheckedQueries); ++i)
    queries.push_back(query_of(set, i));
  const std::vector<Answer> answers = TRY(collection.search_batch(queries));
  for (Query& query : queries) query.exact = true;
  const std::vector<Answer> exact = TRY(collection.search_batch(queries));
  const float sign = higher_is_nearer(set.metric) ? -1.0f : 1.0f;
  size_t right = 0, all = 0;
  for (size_t i = 0; i < queries.size(); ++i) {
    all += exact[i].hits.size();
    for (const Hit& hit : answers[i].hits)
      if (!exact[i].hits.empty() && sign * hit.score <= sign * exact[i].hits.back().score) ++right;
  }
  return all == 0 ? 0 : static_cast<double>(right) / static_cast<double>(all);
}

/// Points that are not there, or not as the first `batches` batches made them; those that nobody wrote too.
Result<uint64_t> count_lost(const Collection& collection, const Workload& workload, uint64_t batches) {
  constexpr uint32_t kPage = 1000;
  uint64_t whole = 0, others = 0;
  std::optional<Id> from;
  do {
    ScrollPage page = TRY(collection.scroll(from, kPage, {.payload = true, .vectors = true}));
    for (const Point& point : page.points) {
      const auto* id = std::get_if<uint64_t>(&point.id);
      const bool known = id != nullptr && *id < workload.rows();
      const Point wanted = known ? workload.point_after(batches, *id) : Point{};
      const bool same = known && point.payload == wanted.payload && point.vectors.size() == 1 &&
                        point.vectors[0].data == wanted.vectors[0].data;
      ++(same ? whole : others);
    }
    from = page.next;
  } while (from.has_value());
  return others + (workload.rows() - std::min(whole, workload.rows()));
}

Result<Numbers> open(const Role& role, const BenchSet& set, const Workload& workload) {
  const Query first = query_of(set, 0);
  Numbers numbers;
  const double cpu = cpu_seconds();
  const Time start = now();
  const std::unique_ptr<Database> database = TRY(Database::open(role.directory, {}));
  const std::shared_ptr<Collection> collection = TRY(database->collection(kCollection));
  numbers["open_s"] = seconds_since(start);
  const Answer answer = TRY(collection->search(first));
  numbers["first_answer_s"] = seconds_since(start);
  numbers["cpu_s"] = cpu_seconds() - cpu;
  const CollectionInfo info = collection->info();
  numbers["by_index"] = info.fields[0].usable && answer.hits.size() == kFirstAnswerK ? 1 : 0;
  numbers["pending"] = static_cast<double>(info.fields[0].stats.pending);
  numbers["recall"] = TRY(recall(*collection, set));
  const uint64_t wanted = std::max(role.batches, workload.batches_per_pass());
  numbers["extra"] = static_cast<double>(info.sequence) - static_cast<double>(wanted);
  numbers["lost"] = 0;
  if (role.batches > 0)
    numbers["lost"] = static_cast<double>(TRY(count_lost(*collection, workload, info.sequence)));
  return numbers;
}

}  // namespace

std::string to_line(const Numbers& numbers) {
  std::string line;
  for (const auto& [name, value] : numbers)
    line += fmt::format("{}{}={}", line.empty() ? "" : " ", name, value);
  return line;
}

Result<Numbers> parse_numbers(std::string_view line) {
  Numbers numbers;
  for (std::string_view left = line; !left.empty();) {
    const std::string_view word = left.substr(0, left.find(' '));
    left.remove_prefix(std::min(word.size() + 1, left.size()));
    const size_t equals = word.find('=');
    double value = 0;
    const char* const end = word.data() + word.size();
    if (equals == std::string_view::npos ||
        std::from_chars(word.data() + equals + 1, end, value).ptr != end || equals + 1 == word.size())
      return invalid_argument("'{}' is not name=value", word);
    numbers[std::string(word.substr(0, equals))] = value;
  }
  return numbers;
}

Result<Numbers> play(const Role& role) {
  set_log_options({LogLevel::kWarn, false});
  const BenchSet set = TRY(load_bench_set(role.set, kCheckedQueries));
  const Workload workload(set);
  if (role.name == "load") return load(role, workload);
  if (role.name == "write") return write(role, workload);
  if (role.name == "open") return open(role, set, workload);
  return invalid_argument("--role '{}': is load, write or open", role.name);
}

}  // namespace kith::bench
