#include "bench/filter/plan_race.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <cmath>

#include "query/plan/correlation.h"
#include "query/plan/synthetic_filter.h"

namespace kith::bench {
namespace {

constexpr double kNearShare = 0.05;  // of the rows; calibrations have another one
constexpr double kEffortStep = 1.5;
constexpr uint32_t kEffortMax = 2048;
constexpr double kHopeless = 3;  // times the best, from where on a plan's sweep is given up
constexpr FilterPlan kRaced[] = {FilterPlan::kScan, FilterPlan::kCodeScan, FilterPlan::kInline,
                                 FilterPlan::kTwoHop, FilterPlan::kPost};
constexpr FilterPlan kRacedOfAll[] = {FilterPlan::kScan, FilterPlan::kAuto};

/// CPU time of this thread: what others do meanwhile does not count, and searches in memory wait for nothing.
double now() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

}  // namespace

struct PlanRace::Field {
  VectorBlock queries;
  uint32_t k = 0;
  const RaceFilters* filters = nullptr;  // null: none
  std::vector<float> bounds;             // of each query: the farthest distance that is a hit
  std::vector<uint64_t> wanted;

  SearchRequest request(size_t query) const {
    SearchRequest out;
    out.query = queries[query];
    out.k = k;
    if (filters != nullptr) out.allowed = &filters->allowed[query];
    return out;
  }
  PlanQuestion question(const SearchRequest& request, uint64_t rows, double target) const {
    PlanQuestion out;
    out.rows = rows;
    out.filtered = request.allowed != nullptr;
    out.matches = out.filtered ? request.allowed->size() : rows;
    out.k = k;
    out.recall_target = target;
    return out;
  }
  double recall(const std::vector<SearchAnswer>& answers) const {
    double sum = 0;
    for (size_t i = 0; i < answers.size(); ++i) {
      uint64_t hits = 0;
      for (const Neighbor& neighbor : answers[i].neighbors) hits += neighbor.distance <= bounds[i];
      sum += wanted[i] == 0 ? 1
                            : static_cast<double>(std::min(hits, wanted[i])) / static_cast<double>(wanted[i]);
    }
    return sum / static_cast<double>(answers.size());
  }
};

std::string RaceResult::described() const {
  const auto entry = [](const RaceEntry& e) {
    return fmt::format("{} {} {:.0f} us at {:.3f}", filter_plan_name(e.plan), e.effort, e.nanoseconds / 1e3,
                       e.recall);
  };
  std::string text =
      fmt::format("regret {:.2f}, planning {:.2f} us, correlation seen {:.2g}; chosen {}; best {}", regret(),
                  planning_ns / 1e3, correlation, entry(chosen), entry(best));
  for (const RaceEntry& other : others) text += "; " + entry(other);
  return text;
}

Result<RaceFilters> PlanRace::filters(VectorBlock queries, double share, double correlation,
                                      uint64_t seed) const {
  const RowSet live = RowSet::range(0, rows_);
  const SyntheticFilter filter(live, share, correlation, seed, kNearShare);
  RaceFilters out{share, filter.correlation(), {}};
  SearchRequest request;
  request.plan = FilterPlan::kScan;
  request.k = static_cast<uint32_t>(static_cast<double>(rows_) * kNearShare);
  for (size_t i = 0; i < queries.count; ++i) {
    request.query = queries[i];
    SearchAnswer answer = TRY(index_.search(request));
    out.allowed.push_back(filter.around(NearRows::of(std::move(answer.neighbors), request.k), kNoRow));
  }
  return out;
}

Result<RaceResult> PlanRace::of_all(VectorBlock queries, uint32_t k) const {
  return race({queries, k, nullptr, {}, {}}, kRacedOfAll);
}

Result<RaceResult> PlanRace::under(VectorBlock queries, const RaceFilters& filters, uint32_t k) const {
  return race({queries, k, &filters, {}, {}}, kRaced);
}

Result<RaceResult> PlanRace::race(const Field& given, std::span<const FilterPlan> plans) const {
  Field field = given;
  for (size_t i = 0; i < field.queries.count; ++i) {
    SearchRequest request = field.request(i);
    request.plan = FilterPlan::kScan;
    const SearchAnswer answer = TRY(index_.search(request));
    const float last = answer.neighbors.empty() ? 0 : answer.neighbors.back().distance;
    field.bounds.push_back(last + 1e-5f * std::abs(last) + 1e-7f);
    field.wanted.push_back(answer.neighbors.size());
  }
  RaceResult result;
  result.best.nanoseconds = HUGE_VAL;
  TRY(measure_chosen(field, result));
  for (const FilterPlan plan : plans) TRY(sweep(field, plan, result));
  return result;
}

/// The least effort that reaches the target is a plan's entry.
Result<void> PlanRace::sweep(const Field& field, FilterPlan plan, RaceResult& result) const {
  for (double effort = field.k; effort <= kEffortMax; effort = std::max(effort + 1, effort * kEffortStep)) {
    const RaceEntry entry = TRY(measure(field, plan, static_cast<uint32_t>(effort)));
    const bool reached = entry.recall >= target_;
    if (reached || plan == FilterPlan::kScan) {
      result.others.push_back(entry);
      if (entry.nanoseconds < result.best.nanoseconds) result.best = entry;
      return {};
    }
    if (entry.nanoseconds > kHopeless * result.best.nanoseconds) return {};
  }
  return {};
}

Result<RaceEntry> PlanRace::measure(const Field& field, FilterPlan plan, uint32_t effort) const {
  RaceEntry entry{plan, effort, 0, HUGE_VAL};
  std::vector<SearchAnswer> answers(field.queries.count);
  for (int pass = 0; pass < passes_; ++pass) {
    const double begin = now();
    for (size_t i = 0; i < answers.size(); ++i) {
      SearchRequest request = field.request(i);
      request.plan = plan;
      request.effort = effort;
      answers[i] = TRY(index_.search(request));
    }
    entry.nanoseconds = std::min(entry.nanoseconds, (now() - begin) / static_cast<double>(answers.size()));
  }
  entry.recall = field.recall(answers);
  return entry;
}

Result<void> PlanRace::measure_chosen(const Field& field, RaceResult& result) const {
  const auto count = static_cast<double>(field.queries.count);
  std::vector<SearchAnswer> answers(field.queries.count);
  std::vector<PlanQuestion> questions(field.queries.count);
  result.chosen.nanoseconds = result.planning_ns = HUGE_VAL;
  for (int pass = 0; pass < passes_; ++pass) {
    CorrelationMemory memory;
    const double begin = now();
    for (size_t i = 0; i < answers.size(); ++i) {
      SearchRequest request = field.request(i);
      PlanQuestion& question = questions[i] = field.question(request, rows_, target_);
      if (question.filtered && question.matches > question.k) {
        const CorrelationGuess guess = memory.find(1);
        question.correlation = guess.correlation;
        question.explore = guess.explore;
      }
      const Plan plan = make_plan(&calibration_, question);
      request.plan = result.chosen.plan = plan.chosen.plan;
      request.effort = result.chosen.effort = plan.chosen.effort;
      request.distances_max = plan.distances_max;
      request.fallback = plan.fallback;
      answers[i] = TRY(index_.search(request));
      if (question.filtered) memory.learn(1, plan.share, answers[i].stats);
    }
    const double searched = now();
    result.chosen.nanoseconds = std::min(result.chosen.nanoseconds, (searched - begin) / count);
    result.correlation = questions.back().correlation.value_or(1);
    uint64_t efforts = 0;
    for (const PlanQuestion& question : questions)
      efforts += make_plan(&calibration_, question).chosen.effort;
    if (efforts != UINT64_MAX) result.planning_ns = std::min(result.planning_ns, (now() - searched) / count);
  }
  result.chosen.recall = field.recall(answers);
  return {};
}

}  // namespace kith::bench
