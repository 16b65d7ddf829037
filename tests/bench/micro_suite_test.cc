// Goal: Google Benchmark's runs become our figures, under stable names. Method: a toy benchmark runs through
// the real suite and the JSON is parsed back.
#include "bench/harness/micro/micro_suite.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/temp_dir.h"

namespace kith::bench {
namespace {

void toy(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(state.iterations());
  state.counters["of_limit"] = 0.75;
}

void broken(benchmark::State& state) {
  state.SkipWithError("no such kernel");
  for (auto _ : state) {
  }
}

int run(std::vector<std::string> arguments) {
  static const bool registered = [] {
    benchmark::RegisterBenchmark("toy/f32/8", toy)->Iterations(10);
    benchmark::RegisterBenchmark("broken/f32/8", broken)->Iterations(10);
    return true;
  }();
  EXPECT_TRUE(registered);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  return run_micro_suite(static_cast<int>(arguments.size()), argv.data(), {"^toy/", "^toy/"});
}

TEST(MicroSuite, WritesAFigurePerTimeAndCounter) {
  test::TempDir directory;
  std::string path = directory / "micro.json";
  ASSERT_EQ(run({"micro", "--smoke", "--json", path}), 0);
  std::ifstream file(path);
  auto json = nlohmann::json::parse(file);
  EXPECT_EQ(json["suite"], "micro");
  ASSERT_EQ(json["results"].size(), 2u);
  EXPECT_EQ(json["results"][0]["name"], "micro/toy/f32/8/ns");
  EXPECT_GT(json["results"][0]["value"], 0.0);
  EXPECT_LT(json["results"][0]["value"], 1e6);  // nanoseconds of one call, not seconds of all
  EXPECT_EQ(json["results"][1]["name"], "micro/toy/f32/8/of_limit");
  EXPECT_EQ(json["results"][1]["value"], 0.75);
}

TEST(MicroSuite, FailsOnABrokenBenchmarkAnUnknownFlagAndAnEmptyChoice) {
  EXPECT_NE(run({"micro", "--benchmark_filter=^broken/"}), 0);
  EXPECT_NE(run({"micro", "--no_such_flag"}), 0);
  EXPECT_NE(run({"micro", "--benchmark_filter=^nothing$"}), 0);
}

}  // namespace
}  // namespace kith::bench
