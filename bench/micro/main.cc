// kith_bench_micro: the hot loops alone. Takes --quick, --smoke, --json OUT and Google Benchmark's flags,
// e.g.
// --benchmark_filter=l2/f32. KITH_CPU chooses the level of the kernels and of the limits beside them.
#include <benchmark/benchmark.h>

#include <string>

#include "base/cpu.h"
#include "bench/harness/micro/micro_suite.h"
#include "bench/micro/code_bench.h"
#include "bench/micro/columns_bench.h"
#include "bench/micro/distance_bench.h"
#include "bench/micro/fastscan_bench.h"
#include "index/distance/distance.h"

int main(int argc, char** argv) {
  benchmark::AddCustomContext("cpu", kith::cpu_name());
  benchmark::AddCustomContext("cpu_level", std::string(kith::cpu_level_name(kith::cpu_level())));
  kith::bench::register_distance_benchmarks();
  kith::bench::register_code_benchmarks();
  kith::bench::register_fastscan_benchmarks();
  kith::bench::register_columns_benchmarks();
  return kith::bench::run_micro_suite(
      argc, argv,
      {"^l2/f32/128/l[12]/|^code/.*/128/|^fastscan/8/l2", "/784/(l1|dram_random)/|^(code|fastscan)/"});
}
