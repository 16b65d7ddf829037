#include "bench/filter/targets.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <map>
#include <thread>

#include "bench/filter/target_sets.h"
#include "bench/harness/scratch.h"
#include "query/database.h"
#include "query/filter/filter_text.h"

namespace kith::bench {
namespace {

constexpr const char* kCollection = "bench";
constexpr size_t kBatch = 500;
constexpr size_t kManyQueries = 100;   // from which on what was found is more than chance
constexpr double kDriftSeconds = 300;  // to notice and to measure
constexpr size_t kAskedFirst = 512;    // before the calibration, at most: so many a field remembers

/// What searches of one sort found.
struct Found {
  RecallCount recall;
  size_t queries = 0, short_answers = 0;
  double seconds = 0, estimated = 0;
  std::map<std::string, size_t> plans;
};

class TargetRun {
 public:
  TargetRun(const std::string& name, const TargetOptions& options, Report& report)
      : name_(name), options_(options), report_(report) {}

  Result<void> run() {
    std::fprintf(stderr, "%s: loading\n", name_.c_str());
    data_ = TRY(load_target_set(name_, options_.rows));
    if (!data_.set.note.empty()) report_.note(name_ + ": " + data_.set.note);
    scratch_ = TRY(Scratch::create(options_.directory));
    TRY(open(data_.drifts));
    Schema schema;
    VectorField& field = schema.vectors.emplace_back();
    field.dim = data_.set.base.dim;
    field.metric = data_.set.metric;
    collection_ = TRY(database_->create_collection(kCollection, schema));
    const size_t rows = data_.set.base.rows;
    TRY(fill(0, data_.drifts ? rows / 2 : rows));
    if (!data_.drifts) TRY(ask_first());
    TRY(calibrate());
    if (data_.drifts) TRY(drift());
    TRY(check_filters());
    for (const double target : options_.targets) TRY(measure(target));
    return {};
  }

 private:
  size_t first_measured() const { return data_.set.queries.rows / 2; }

  Result<void> fill(size_t begin, size_t end) {
    for (size_t first = begin; first < end; first += kBatch) {
      std::vector<Point> points;
      for (size_t row = first; row < std::min(first + kBatch, end); ++row) {
        const VectorView vector = data_.set.base[row];
        Point point{.id = Id(uint64_t{row}), .vectors = {}, .payload = {}};
        point.vectors.push_back({"", {vector.data, vector.data + vector.bytes()}});
        if (!data_.payloads.empty()) point.payload = data_.payloads[row];
        points.push_back(std::move(point));
      }
      TRY(collection_->upsert(points, Durability::kAsync));
    }
    return collection_->settle({});
  }

  Result<void> open(bool background) {
    collection_.reset();
    database_.reset();
    DatabaseOptions how;
    how.recall.background = background;
    database_ = TRY(Database::open(scratch_->path(), how));
    if (!database_->collection_names().empty()) collection_ = TRY(database_->collection(kCollection));
    return {};
  }

  /// That they allow what the set says.
  Result<void> check_filters() const {
    for (const TargetFilter& one : data_.filters) {
      const Filter filter = TRY(parse_filter_text(one.text));
      const uint64_t count = TRY(collection_->count(&filter, {}));
      if (count != one.matches)
        return invalid_argument("set '{}': {} allows {} rows, not {}", name_, one.text, count, one.matches);
    }
    return {};
  }

  Result<void> ask_first() {
    for (size_t query = 0; query < std::min(kAskedFirst, first_measured()); ++query)
      TRY(collection_->search(query_of(query, options_.k)));
    return {};
  }

  /// The rest of the rows comes, and is asked for; then whatever the collection does about it by itself.
  Result<void> drift() {
    TRY(fill(data_.set.base.rows / 2, data_.set.base.rows));
    TRY(ask_first());
    const auto begin = std::chrono::steady_clock::now();
    const auto seconds = [&] {
      return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    };
    const auto anew = [&] { return recall().calibrated_rows == data_.set.base.rows; };
    while (!anew() && seconds() < kDriftSeconds) std::this_thread::sleep_for(std::chrono::milliseconds(100));
    report_.note(fmt::format("{}: after the drift {} calibrated anew, {:.0f} s", name_,
                             anew() ? "was" : "was not", seconds()));
    return open(false);  // what is measured is not learnt from
  }
  FieldRecall recall() const { return collection_->info().fields.front().recall; }

  Result<void> calibrate() {
    const auto begin = std::chrono::steady_clock::now();
    TRY(collection_->calibrate({}));
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    std::fprintf(stderr, "%s: calibrated in %.1f s\n", name_.c_str(), seconds);
    return {};
  }

  Query query_of(size_t number, uint32_t k) const {
    const VectorView vector = data_.set.queries[number];
    Query query;
    query.vector.assign(vector.data, vector.data + vector.bytes());
    query.k = k;
    return query;
  }

  Result<void> ask(const Query& query, const RecallJudge& judge, size_t number, Found& found) {
    const auto begin = std::chrono::steady_clock::now();
    const Answer answer = TRY(collection_->search(query));
    found.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    std::vector<Row> rows;
    for (const Hit& hit : answer.hits) rows.push_back(static_cast<Row>(std::get<uint64_t>(hit.id)));
    found.recall.add(judge, number, rows);
    found.short_answers += rows.size() < judge.wanted(number);
    ++found.queries;
    if (answer.taken) {
      found.estimated += answer.taken->recall.value_or(0);
      ++found.plans[std::string(filter_plan_name(answer.taken->plan))];
    }
    return {};
  }

  Result<void> measure(double target) {
    std::map<std::string, Found> all;
    for (const uint32_t k : options_.ks) {
      const RecallJudge judge = TRY(RecallJudge::create(data_.set.base.block(), data_.set.queries.block(),
                                                        data_.set.metric, data_.set.truth, k));
      const size_t first = first_measured();
      for (size_t i = first; i < std::min(first + options_.queries, data_.set.queries.rows); ++i) {
        Query query = query_of(i, k);
        query.recall_target = target;
        TRY(ask(query, judge, i, all[fmt::format("k{}", k)]));
      }
    }
    TRY(measure_filtered(target, all));
    return add(target, all);
  }

  Result<void> measure_filtered(double target, std::map<std::string, Found>& all) {
    if (data_.filters.empty()) return {};
    Matrix asked;
    asked.type = data_.set.queries.type;
    asked.dim = data_.set.queries.dim;
    for (const TargetFilter& filter : data_.filters) {
      const VectorView vector = data_.set.queries[filter.query];
      asked.data.insert(asked.data.end(), vector.data, vector.data + vector.bytes());
      ++asked.rows;
    }
    const RecallJudge judge = TRY(RecallJudge::create(data_.set.base.block(), asked.block(), data_.set.metric,
                                                      data_.filtered_truth, options_.k));
    for (size_t i = 0; i < data_.filters.size(); ++i) {
      if (data_.filters[i].query < std::min(kAskedFirst, first_measured())) continue;
      Query query = query_of(data_.filters[i].query, options_.k);
      query.filter = TRY(parse_filter_text(data_.filters[i].text));
      query.recall_target = target;
      TRY(ask(query, judge, i, all[decade_of(data_.filters[i].matches)]));
    }
    return {};
  }

  std::string decade_of(uint64_t matches) const {
    if (matches == 0) return "share-0";
    const double share = static_cast<double>(matches) / static_cast<double>(data_.set.base.rows);
    return fmt::format("share-1e{}", std::clamp(static_cast<int>(std::floor(std::log10(share))), -5, -1));
  }

  Result<void> add(double target, const std::map<std::string, Found>& all) {
    double least = 1, most = -1;
    size_t short_answers = 0;
    for (const auto& [sort, found] : all) {
      const std::string name = fmt::format("filter/{}/{}-at-{}/", name_, sort, target);
      const double over = found.recall.recall() - target;
      const auto queries = static_cast<double>(found.queries);
      TRY(report_.add({name + "recall_minus_target", over, "share", {}}));
      TRY(report_.add({name + "queries", queries, "queries", {}}));
      TRY(report_.add({name + "qps", queries / found.seconds, "1/s", {}}));
      std::string plans;
      for (const auto& [plan, count] : found.plans) plans += fmt::format(" {} {}", count, plan);
      std::fprintf(stderr, "%s: %zu queries, recall %.4f (%+.4f, estimated %.4f), %zu short, %.0f/s;%s\n",
                   name.c_str(), found.queries, found.recall.recall(), over, found.estimated / queries,
                   found.short_answers, queries / found.seconds, plans.c_str());
      if (found.queries >= kManyQueries) {
        least = std::min(least, over);
        most = std::max(most, over);
      }
      short_answers += found.short_answers;
    }
    const std::string name = fmt::format("filter/{}/at-{}/", name_, target);
    TRY(report_.add({name + "recall_minus_target_min", least, "share", {}}));
    TRY(report_.add({name + "recall_minus_target_max", most, "share", {}}));
    return report_.add({name + "short_answers", static_cast<double>(short_answers), "queries", {}});
  }

  std::string name_;
  const TargetOptions& options_;
  Report& report_;
  TargetSet data_;
  std::unique_ptr<Scratch> scratch_;
  std::unique_ptr<Database> database_;
  std::shared_ptr<Collection> collection_;
};

}  // namespace

TargetOptions target_options(Extent extent) {
  TargetOptions options;
  options.sets = {"fashion-mnist",  "debian",     "sift",         "made-clustered",
                  "made-elsewhere", "made-again", "made-drifting"};
  if (extent == Extent::kFull) return options;
  options.sets = {"fashion-mnist"};
  options.targets = {0.95};
  if (extent == Extent::kQuick) return options;
  options.sets = {"made-again"};
  options.rows = 5'000;
  options.queries = 50;
  return options;
}

Result<void> run_target_suite(const TargetOptions& options, Report& report) {
  for (const std::string& name : options.sets) TRY(TargetRun(name, options, report).run());
  return {};
}

}  // namespace kith::bench
