// kith_bench_filter: searches under filters, by plan. See docs/benchmarks.md.
#include <CLI/CLI.hpp>

#include "bench/filter/regret.h"
#include "bench/filter/suite.h"
#include "bench/filter/targets.h"

namespace kith::bench {
namespace {

/// What was given on the command line; empty or unset = as the extent says.
struct Flags {
  CommonOptions common;
  std::vector<std::string> plans;
  std::optional<std::vector<std::string>> sets, regret_sets, target_sets;
  std::optional<std::string> kind;
  std::optional<size_t> queries, threads;
  std::optional<int> passes;
  std::optional<uint32_t> effort;
};

void add_flags(CLI::App& app, Flags& flags) {
  add_common_options(app, flags.common);
  app.add_option("--sets", flags.sets,
                 "fashion-mnist, debian, sift or synthetic, separated by commas; none = leave it out")
      ->delimiter(',');
  app.add_option("--regret", flags.regret_sets, "sets of the planner's regret; none = leave it out")
      ->delimiter(',');
  app.add_option("--targets", flags.target_sets,
                 "sets on which recall targets are asked for, made-clustered, made-elsewhere, made-again, "
                 "made-drifting too; none = leave it out")
      ->delimiter(',');
  app.add_option("--plans", flags.plans, "auto, scan, code-scan, inline, two-hop, post, separated by commas")
      ->delimiter(',');
  app.add_option("--kind", flags.kind, "index kind (vamana)");
  app.add_option("--queries", flags.queries, "use the first N queries of a case only; 0 = all");
  app.add_option("--passes", flags.passes, "passes a case, the fastest counts")->check(CLI::Range(1, 1000));
  app.add_option("--threads", flags.threads, "CPUs for builds (2)")->check(CLI::Range(1, 1024));
  app.add_option("--effort", flags.effort, "of each search; 0 = the kind's default");
}

/// "none" stands for no set at all.
void take(const std::optional<std::vector<std::string>>& given, std::vector<std::string>& sets) {
  if (given) sets = *given == std::vector<std::string>{"none"} ? std::vector<std::string>{} : *given;
}

Result<FilterPlan> plan_of(const std::string& name) {
  for (size_t plan = 0; plan < kFilterPlans; ++plan)
    if (filter_plan_name(static_cast<FilterPlan>(plan)) == name) return static_cast<FilterPlan>(plan);
  return invalid_argument("--plans: there is no plan '{}'", name);
}

Result<FilterOptions> options_of(const Flags& flags) {
  FilterOptions options = filter_options(flags.common.extent());
  take(flags.sets, options.sets);
  if (!flags.plans.empty()) options.plans.clear();
  for (const std::string& name : flags.plans) options.plans.push_back(TRY(plan_of(name)));
  if (flags.kind) options.kind = *flags.kind;
  if (flags.queries) options.queries_max = *flags.queries;
  if (flags.passes) options.passes = *flags.passes;
  if (flags.threads) options.threads = *flags.threads;
  if (flags.effort) options.effort = *flags.effort;
  return options;
}

RegretOptions regret_options_of(const Flags& flags) {
  RegretOptions options = regret_options(flags.common.extent());
  take(flags.regret_sets, options.sets);
  if (flags.passes) options.passes = *flags.passes;
  if (flags.threads) options.threads = *flags.threads;
  return options;
}

TargetOptions target_options_of(const Flags& flags) {
  TargetOptions options = target_options(flags.common.extent());
  take(flags.target_sets, options.sets);
  return options;
}

Result<Report> run(const Flags& flags) {
  const FilterOptions options = TRY(options_of(flags));
  Report report("filter", current_commit(), describe_machine());
  TRY(run_filter_suite(options, report));
  TRY(run_regret_suite(regret_options_of(flags), report));
  TRY(run_target_suite(target_options_of(flags), report));
  return report;
}

}  // namespace
}  // namespace kith::bench

int main(int argc, char** argv) {
  CLI::App app{"searches under filters: speed and recall by plan", "kith_bench_filter"};
  kith::bench::Flags flags;
  kith::bench::add_flags(app, flags);
  CLI11_PARSE(app, argc, argv);
  return kith::bench::finish_report(kith::bench::run(flags), flags.common);
}
