#include "bench/recovery/jobs.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "bench/harness/child_process.h"

namespace kith::bench {
namespace {

constexpr std::chrono::hours kPatience{2};
constexpr std::string_view kProperty = "job.";

struct Job {
  const char* tests;
  const char* variable;     // that says how many points
  uint64_t points_of_each;  // so many points of the report's are one of this job's, which is slower
};
constexpr Job kJobs[] = {{"PowerLoss.LosesNothingThatWasAcknowledged_slow", "KITH_CRASH_POINTS", 1},
                         {"Damage.NothingIsSilentlyWrong_slow", "KITH_CRASH_POINTS", 1},
                         {"Kill.EveryAcknowledgedRowIsThereOnceAfterEachKill_slow", "KITH_KILLS", 25}};

void read_test(const nlohmann::json& test, JobOutcome& outcome) {
  for (const auto& [key, value] : test.items()) {
    if (!key.starts_with(kProperty) || !value.is_string()) continue;
    std::string name = key.substr(kProperty.size());
    if (const size_t dot = name.find('.'); dot != std::string::npos) name[dot] = '/';
    outcome.counts[name] = std::strtod(value.get<std::string>().c_str(), nullptr);
  }
  if (const auto failures = test.find("failures");
      failures != test.end() && outcome.failed.empty() && !failures->empty())
    outcome.failed = failures->front().value("failure", "failed");
}

Result<JobOutcome> run_job(const Job& job, const std::string& program, const std::string& parent,
                           uint64_t points) {
  const std::string result = parent + "/job.json";
  std::filesystem::remove(result);
  const uint64_t own_points = std::max<uint64_t>(1, points / job.points_of_each);
  const std::unique_ptr<ChildProcess> child = TRY(
      ChildProcess::start({"/usr/bin/env", fmt::format("{}={}", job.variable, own_points), program,
                           fmt::format("--gtest_filter={}", job.tests), "--gtest_output=json:" + result}));
  while (child->read_line(kPatience).ok()) {  // a full pipe would hold it up
  }
  child->wait(kPatience);
  std::ifstream in(result);
  return read_job_outcome(std::string(std::istreambuf_iterator<char>(in), {}));
}

}  // namespace

Result<JobOutcome> read_job_outcome(std::string_view json) {
  const auto text = nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!text.is_object() || !text.contains("testsuites") || !text["testsuites"].is_array())
    return invalid_argument("the tests left no result, only '{}'", json.substr(0, 100));
  JobOutcome outcome;
  for (const auto& suite : text["testsuites"])
    if (const auto tests = suite.find("testsuite"); tests != suite.end())
      for (const auto& test : *tests) read_test(test, outcome);
  if (outcome.counts.empty()) return invalid_argument("the tests left no counts");
  return outcome;
}

Result<void> run_jobs(const RecoveryOptions& options, const std::string& parent, Report& report) {
  const std::filesystem::path here = std::filesystem::path(options.program).parent_path();
  const std::string program = (here.parent_path() / "tests" / "crash_tests").string();
  if (!std::filesystem::exists(program)) {
    report.note(fmt::format("jobs: '{}' is not built, so nothing was run", program));
    return {};
  }
  for (const Job& job : kJobs) {
    std::fprintf(stderr, "%s\n", job.tests);
    const JobOutcome outcome = TRY(run_job(job, program, parent, options.points));
    for (const auto& [name, value] : outcome.counts) TRY(report.add({"recovery/" + name, value, "", {}}));
    if (!outcome.failed.empty()) report.note(fmt::format("{} FAILED: {}", job.tests, outcome.failed));
  }
  return {};
}

}  // namespace kith::bench
