#include "bench/harness/micro/micro_suite.h"

#include <unistd.h>

#include <string_view>
#include <utility>
#include <vector>

#include "bench/harness/options.h"

namespace kith::bench {
namespace {

std::string_view unit_of(std::string_view counter) {
  if (counter == "bytes_per_second") return "B/s";
  return counter.find("ns_per_") != std::string_view::npos ? "ns" : "";
}

/// argv for Google Benchmark: the program, a filter of ours, and what the user gave (later flags win).
std::vector<std::string> benchmark_arguments(const char* program, const CommonOptions& options,
                                             const MicroFilters& filters, std::vector<std::string> given) {
  std::vector<std::string> arguments{program};
  if (options.quick) arguments.push_back("--benchmark_filter=" + filters.quick);
  if (options.smoke) arguments.push_back("--benchmark_filter=" + filters.smoke);
  for (std::string& one : given) arguments.push_back(std::move(one));
  return arguments;
}

Result<Report> run_benchmarks(std::vector<std::string> arguments) {
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  int argc = static_cast<int>(argv.size());
  argv.push_back(nullptr);
  benchmark::Initialize(&argc, argv.data());
  if (argc > 1)
    return invalid_argument("flag '{}': neither ours nor one of Google Benchmark; see --help", argv[1]);
  Report report("micro", current_commit(), describe_machine());
  FigureReporter reporter(report);
  size_t ran = benchmark::RunSpecifiedBenchmarks(&reporter);
  benchmark::Shutdown();
  TRY(reporter.outcome());
  if (ran == 0) return invalid_argument("no benchmark matches the filter; --benchmark_list_tests lists them");
  return report;
}

}  // namespace

FigureReporter::FigureReporter(Report& report)
    : ConsoleReporter(isatty(1) != 0 ? OO_ColorTabular : OO_Tabular), report_(report) {}

Result<void> FigureReporter::add(const Run& run) {
  const std::string name = "micro/" + run.run_name.function_name;
  if (run.error_occurred) return make_error(Code::kUnavailable, "benchmark {}: {}", name, run.error_message);
  if (run.run_type != Run::RT_Iteration) return {};
  double seconds = run.iterations == 0 ? 0 : run.real_accumulated_time / static_cast<double>(run.iterations);
  TRY(report_.add({name + "/ns", seconds * 1e9, "ns", {}}));
  for (const auto& [counter, value] : run.counters)
    TRY(report_.add({name + "/" + counter, value.value, std::string(unit_of(counter)), {}}));
  return {};
}

void FigureReporter::ReportRuns(const std::vector<Run>& runs) {
  ConsoleReporter::ReportRuns(runs);
  for (const Run& run : runs) {
    Result<void> added = add(run);
    if (!added.ok() && outcome_.ok()) outcome_ = std::move(added);
  }
}

int run_micro_suite(int argc, char** argv, const MicroFilters& filters) {
  CLI::App app{"the hot loops alone, each beside the limit this machine sets it", "kith_bench_micro"};
  CommonOptions options;
  add_common_options(app, options);
  app.allow_extras();
  app.footer(
      "Flags of Google Benchmark are taken too, e.g. --benchmark_filter=l2/f32 or --benchmark_list_tests.\n"
      "KITH_CPU=scalar|avx2|avx512 lowers the level of the kernels.");
  CLI11_PARSE(app, argc, argv);
  return finish_report(run_benchmarks(benchmark_arguments(argv[0], options, filters, app.remaining())),
                       options);
}

}  // namespace kith::bench
