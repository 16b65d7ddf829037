#include "bench/filter/suite.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

#include "bench/filter/cases.h"
#include "bench/recall/runners.h"
#include "datasets/recall.h"

namespace kith::bench {
namespace {

constexpr double kRecallTarget = 0.95;

struct PassResult {
  double seconds = 0;
  std::vector<Row> rows;  // k a query, kNoRow where there are fewer
  SearchStats stats;
  std::array<size_t, kFilterPlans> ran{};
};

struct CaseResult {
  double qps = 0;
  double recall = 0;
  size_t short_answers = 0;
  PassResult last;
};

SearchRequest request_of(const FilterCase& one, size_t query, FilterPlan plan, const FilterOptions& options) {
  SearchRequest request;
  request.query = one.queries[query];
  request.k = options.k;
  request.effort = options.effort;
  request.allowed = &one.allowed(query);
  request.plan = plan;
  return request;
}

Result<PassResult> run_pass(const Index& index, const FilterCase& one, FilterPlan plan,
                            const FilterOptions& options) {
  PassResult pass;
  pass.rows.assign(one.queries.rows * options.k, kNoRow);
  const auto start = std::chrono::steady_clock::now();
  for (size_t query = 0; query < one.queries.rows; ++query) {
    const SearchAnswer answer = TRY(index.search(request_of(one, query, plan, options)));
    for (size_t i = 0; i < answer.neighbors.size(); ++i)
      pass.rows[query * options.k + i] = answer.neighbors[i].row;
    pass.stats.add(answer.stats);
    ++pass.ran[static_cast<size_t>(answer.plan)];
  }
  pass.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return pass;
}

size_t short_answers(const FilterCase& one, const std::vector<Row>& rows, uint32_t k) {
  size_t count = 0;
  for (size_t query = 0; query < one.queries.rows; ++query) {
    const auto first = rows.begin() + static_cast<ptrdiff_t>(query * k);
    const auto got =
        static_cast<uint64_t>(std::count_if(first, first + k, [](Row r) { return r != kNoRow; }));
    count += got < std::min<uint64_t>(k, one.allowed(query).size());
  }
  return count;
}

Result<CaseResult> measure_case(const BenchSet& set, const Index& index, const FilterCase& one,
                                FilterPlan plan, const FilterOptions& options) {
  const RecallJudge judge =
      TRY(RecallJudge::create(set.base.block(), one.queries.block(), set.metric, one.truth, options.k));
  CaseResult result;
  const PinnedThread pinned;
  for (int i = 0; i < options.passes; ++i) {
    result.last = TRY(run_pass(index, one, plan, options));
    result.qps = std::max(result.qps, static_cast<double>(one.queries.rows) / result.last.seconds);
  }
  result.recall = recall_of(judge, result.last.rows, options.k);
  result.short_answers = short_answers(one, result.last.rows, options.k);
  return result;
}

std::string described(const FilterCase& one, const CaseResult& result) {
  double share = 0;
  for (size_t query = 0; query < one.queries.rows; ++query)
    share += static_cast<double>(one.allowed(query).size());
  const auto queries = static_cast<double>(one.queries.rows);
  std::string text = fmt::format(
      "{} queries, {:.0f} rows allowed; a query: {:.0f} full and {:.0f} code distances, "
      "{:.0f} asked; ran",
      one.queries.rows, share / queries, static_cast<double>(result.last.stats.full_distances) / queries,
      static_cast<double>(result.last.stats.code_distances) / queries,
      static_cast<double>(result.last.stats.predicate_evaluations) / queries);
  for (size_t plan = 0; plan < kFilterPlans; ++plan)
    if (result.last.ran[plan] > 0)
      text += fmt::format(" {} {}", result.last.ran[plan], filter_plan_name(static_cast<FilterPlan>(plan)));
  return text;
}

Result<void> add_case(const std::string& name, const FilterCase& one, const CaseResult& result,
                      Report& report) {
  TRY(report.add({name + "/qps", result.qps, "1/s", {}}));
  TRY(report.add({name + "/recall", result.recall, "share", {}}));
  TRY(report.add({name + "/short_answers", static_cast<double>(result.short_answers), "queries", {}}));
  report.note(name + ": " + described(one, result));
  std::fprintf(stderr, "%s: %.0f/s, recall %.4f, %zu short; %s\n", name.c_str(), result.qps, result.recall,
               result.short_answers, described(one, result).c_str());
  return {};
}

Result<void> run_set(const std::string& name, const FilterOptions& options, Report& report) {
  std::fprintf(stderr, "%s: loading\n", name.c_str());
  const FilterBench bench = TRY(load_filter_bench(name, options.queries_max));
  const std::unique_ptr<OurRun> run = TRY(OurRun::build(bench.set, options.kind, options.threads));
  std::fprintf(stderr, "%s: %s built in %.1f s\n", name.c_str(), options.kind.c_str(),
               run->figures().seconds);
  if (!bench.set.note.empty()) report.note(name + ": " + bench.set.note);
  for (const FilterPlan plan : options.plans) {
    double least = 1;
    for (const FilterCase& one : bench.cases) {
      const CaseResult result = TRY(measure_case(bench.set, run->index(), one, plan, options));
      const std::string by = plan == FilterPlan::kAuto ? "" : fmt::format("-by-{}", filter_plan_name(plan));
      TRY(add_case(fmt::format("filter/{}/{}{}", name, one.name, by), one, result, report));
      least = std::min(least, result.recall);
    }
    if (plan == FilterPlan::kAuto)
      TRY(report.add(
          {fmt::format("filter/{}/recall_minus_target_min", name), least - kRecallTarget, "share", {}}));
  }
  return {};
}

}  // namespace

FilterOptions filter_options(Extent extent) {
  FilterOptions options;
  options.sets = {"fashion-mnist", "debian", "sift"};
  if (extent == Extent::kFull) return options;
  options.sets = {"fashion-mnist"};
  options.queries_max = 300;
  if (extent == Extent::kQuick) return options;
  options.sets = {"synthetic"};
  options.passes = 1;
  options.plans.clear();
  for (size_t plan = 0; plan < kFilterPlans; ++plan)
    if (static_cast<FilterPlan>(plan) != FilterPlan::kLabels)  // rows carry none
      options.plans.push_back(static_cast<FilterPlan>(plan));
  return options;
}

Result<void> run_filter_suite(const FilterOptions& options, Report& report) {
  for (const std::string& name : options.sets) TRY(run_set(name, options, report));
  return {};
}

}  // namespace kith::bench
