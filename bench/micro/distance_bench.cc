#include "bench/micro/distance_bench.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <numeric>
#include <random>
#include <vector>

#include "base/aligned_buffer.h"
#include "bench/micro/limits.h"
#include "index/distance/distance.h"

namespace kith::bench {
namespace {

constexpr size_t kL1Bytes = 20 << 10;
constexpr size_t kL2Bytes = 384 << 10;
constexpr size_t kDramBytes = size_t{512} << 20;
constexpr size_t kCachePassBytes = 4 << 20;
constexpr size_t kDramPassBytes = 8 << 20;

struct Place {
  const char* name;
  size_t set_bytes;
  bool shuffled;
  size_t rows_per_call;
};

constexpr Place kPlaces[] = {{"l1", kL1Bytes, true, 1 << 20},
                             {"l2", kL2Bytes, true, 1 << 20},
                             {"dram_sequential", kDramBytes, false, 1024},
                             {"dram_random", kDramBytes, true, 1024},
                             {"dram_batches", kDramBytes, true, 32}};

struct Case {
  Metric metric;
  ScalarType type;
  uint32_t dim;
  Place place;

  size_t row_bytes() const { return vector_bytes(type, dim); }
};

/// One arena for all benchmarks, refilled when the type changes.
const std::byte* arena_of(ScalarType type) {
  static AlignedBuffer buffer = AlignedBuffer::allocate(kDramBytes).value();
  static int filled_with = -1;
  std::byte* data = static_cast<std::byte*>(static_cast<void*>(buffer.data()));
  if (filled_with == static_cast<int>(type)) return data;
  filled_with = static_cast<int>(type);
  std::mt19937 random(7);
  std::uniform_int_distribution<int> values(0, 100);
  const uint32_t tile = 1 << 16;
  std::vector<float> floats(tile);
  for (float& value : floats) value = static_cast<float>(values(random));
  const size_t tile_bytes = vector_bytes(type, tile);
  from_f32(floats.data(), tile, type, data).value();
  for (size_t at = tile_bytes; at < kDramBytes; at += tile_bytes)
    std::memcpy(data + at, data, std::min(tile_bytes, kDramBytes - at));
  return data;
}

std::vector<const void*> rows_of(const Case& c) {
  const std::byte* arena = arena_of(c.type);
  const size_t count = std::max<size_t>(c.place.set_bytes / c.row_bytes() / 8, 1) * 8;
  std::vector<const void*> rows(count);
  for (size_t i = 0; i < count; ++i) rows[i] = arena + i * c.row_bytes();
  if (c.place.shuffled) std::shuffle(rows.begin(), rows.end(), std::mt19937(11));
  return rows;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double lower_quartile(std::vector<double>& times) {
  auto at = times.begin() + static_cast<ptrdiff_t>(times.size() / 4);
  std::nth_element(times.begin(), at, times.end());
  return *at;
}

/// Hands out the rows call by call, around and around.
class Walk {
 public:
  explicit Walk(const Case& c) : rows_(rows_of(c)), row_bytes_(c.row_bytes()) {
    const size_t pass_bytes = c.place.set_bytes == kDramBytes ? kDramPassBytes : kCachePassBytes;
    rows_per_call_ = std::min(c.place.rows_per_call, rows_.size());
    calls_ = std::max<size_t>(pass_bytes / (rows_per_call_ * row_bytes_), 1);
  }

  template <typename Call>
  double timed_pass(Call call) {
    const auto start = std::chrono::steady_clock::now();
    for (size_t i = 0; i < calls_; ++i) {
      if (at_ + rows_per_call_ > rows_.size()) at_ = 0;
      call(RowList{rows_.data() + at_, rows_per_call_, row_bytes_});
      at_ += rows_per_call_;
    }
    return seconds_since(start);
  }

  size_t rows_per_call() const { return rows_per_call_; }
  size_t rows_per_pass() const { return rows_per_call_ * calls_; }

 private:
  std::vector<const void*> rows_;
  size_t row_bytes_, rows_per_call_, calls_, at_ = 0;
};

/// Seconds per pass of a loop that only calculates.
double timed_arithmetic(const Arithmetic& arithmetic, const Case& c, size_t rows) {
  const size_t steps_per_row = (c.row_bytes() + arithmetic.bytes_per_step - 1) / arithmetic.bytes_per_step;
  const auto start = std::chrono::steady_clock::now();
  benchmark::DoNotOptimize(arithmetic.run(steps_per_row * rows));
  return seconds_since(start);
}

struct Times {
  std::vector<double> kernel, arithmetic;
  std::vector<std::vector<double>> reads;
};

Times run_passes(benchmark::State& state, const Case& c, Walk& walk) {
  const LevelLimits limits = limits_of(cpu_level());
  const Arithmetic arithmetic = limits.arithmetic(c.metric, c.type);
  const DistanceFn kernel = distance_kernel(c.metric, c.type);
  std::vector<float> out(walk.rows_per_call());
  std::vector<std::byte> query(vector_bytes(query_type(c.type), c.dim));
  from_f32(std::vector<float>(c.dim, 1.0f).data(), c.dim, query_type(c.type), query.data()).value();
  Times times;
  times.reads.resize(limits.read_count);
  for (auto _ : state) {
    times.kernel.push_back(walk.timed_pass([&](const RowList& list) {
      kernel(query.data(), list.rows, list.count, c.dim, out.data());
      benchmark::ClobberMemory();
    }));
    state.SetIterationTime(times.kernel.back());
    for (size_t r = 0; r < limits.read_count; ++r)
      times.reads[r].push_back(
          walk.timed_pass([&](const RowList& list) { benchmark::DoNotOptimize(limits.reads[r](list)); }));
    if (arithmetic.run != nullptr)
      times.arithmetic.push_back(timed_arithmetic(arithmetic, c, walk.rows_per_pass()));
  }
  return times;
}

void run_case(benchmark::State& state, const Case& c) {
  Walk walk(c);
  Times times = run_passes(state, c, walk);
  const double rows = static_cast<double>(walk.rows_per_pass());
  double load = 1e9;
  for (std::vector<double>& reads : times.reads) load = std::min(load, lower_quartile(reads));
  const double arithmetic = times.arithmetic.empty() ? 0 : lower_quartile(times.arithmetic);
  const double kernel = lower_quartile(times.kernel), limit = std::max(load, arithmetic);
  state.SetLabel(load >= arithmetic ? "limit: load" : "limit: arithmetic");
  state.counters["bytes_per_second"] = rows * static_cast<double>(c.row_bytes()) / kernel;
  state.counters["ns_per_row"] = kernel / rows * 1e9;
  state.counters["load_limit_ns_per_row"] = load / rows * 1e9;
  state.counters["arithmetic_limit_ns_per_row"] = arithmetic / rows * 1e9;
  state.counters["of_limit"] = limit / kernel;
}

std::vector<uint32_t> dims_of(ScalarType type) {
  return type == ScalarType::kBit ? std::vector<uint32_t>{1024, 4096} : std::vector<uint32_t>{128, 256, 784};
}

}  // namespace

void register_distance_benchmarks() {
  for (size_t t = 0; t < kScalarTypes; ++t) {
    for (size_t m = 0; m < kMetrics; ++m) {
      const Metric metric = static_cast<Metric>(m);
      const ScalarType type = static_cast<ScalarType>(t);
      if (!validate_metric(metric, type).ok()) continue;
      for (const uint32_t dim : dims_of(type)) {
        for (const Place& place : kPlaces) {
          const Case c = {metric, type, dim, place};
          const std::string name =
              fmt::format("{}/{}/{}/{}", metric_name(metric), scalar_name(type), dim, place.name);
          benchmark::RegisterBenchmark(name.c_str(), run_case, c)->UseManualTime()->MinTime(0.05);
        }
      }
    }
  }
}

}  // namespace kith::bench
