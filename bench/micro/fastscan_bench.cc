#include "bench/micro/fastscan_bench.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/random.h"
#include "index/codes/fastscan.h"

namespace kith::bench {
namespace {

struct Case {
  uint32_t bytes;
  size_t count;
};

std::unique_ptr<PqCode> trained(uint32_t dim, uint32_t bits, uint32_t subvectors,
                                const std::vector<float>& vectors) {
  const CodeSpec spec = {"pq", Metric::kL2, dim, bits, subvectors};
  return PqCode::train(spec, vectors.data(), vectors.size() / dim).value();
}

AlignedBuffer random_codes(size_t bytes, Random& random) {
  AlignedBuffer codes = AlignedBuffer::allocate((bytes + 7) / 8 * 8).value();
  for (size_t at = 0; at < codes.size(); at += 8) {
    const uint64_t word = random.next();
    std::copy_n(reinterpret_cast<const std::byte*>(&word), 8, codes.data() + at);
  }
  return codes;
}

/// Codes that a plain kernel scans, with a prepared query.
struct Plain {
  Plain(const PqCode& of, const float* query, const AlignedBuffer& codes, size_t count)
      : code(of), prepared(AlignedBuffer::allocate(of.query_bytes()).value()) {
    for (size_t i = 0; i < count; ++i) rows.push_back(codes.data() + i * of.bytes());
    of.prepare(query, prepared.data());
  }
  void scan(float* out) const {
    code.kernel()(prepared.data(), rows.data(), rows.size(), code.spec().dim, out);
  }

  const PqCode& code;
  AlignedBuffer prepared;
  std::vector<const void*> rows;
};

template <typename Pass>
double timed(Pass pass) {
  const auto start = std::chrono::steady_clock::now();
  pass();
  benchmark::ClobberMemory();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double lower_quartile(std::vector<double>& times) {
  auto at = times.begin() + static_cast<ptrdiff_t>(times.size() / 4);
  std::nth_element(times.begin(), at, times.end());
  return *at;
}

void run_case(benchmark::State& state, const Case& c) {
  Random random(7);
  const uint32_t dim = c.bytes * 2;
  std::vector<float> vectors(size_t{2000} * dim);
  for (float& x : vectors) x = static_cast<float>(random.normal());
  const auto narrow = trained(dim, 4, c.bytes * 2, vectors), wide = trained(dim, 8, c.bytes, vectors);
  const FastScan fast = FastScan::of(*narrow).value();
  // Random bytes are codes of both, and blocks of codes.
  const AlignedBuffer codes = random_codes(fast.bytes(c.count), random);
  const Plain adc4(*narrow, vectors.data(), codes, c.count), adc8(*wide, vectors.data(), codes, c.count);
  AlignedBuffer prepared = AlignedBuffer::allocate(fast.query_bytes()).value();
  fast.prepare(vectors.data(), prepared.data());
  std::vector<float> out(c.count);
  std::vector<uint32_t> positions(c.count);
  fast.scan(prepared.data(), codes.data(), c.count, out.data());
  std::nth_element(out.begin(), out.begin() + static_cast<ptrdiff_t>(c.count / 100), out.end());
  const float bound = out[c.count / 100];

  std::vector<double> scan, below, sums4, sums8;
  for (auto _ : state) {
    scan.push_back(timed([&] { fast.scan(prepared.data(), codes.data(), c.count, out.data()); }));
    state.SetIterationTime(scan.back());
    below.push_back(timed([&] {
      benchmark::DoNotOptimize(
          fast.scan_below(prepared.data(), codes.data(), c.count, bound, positions.data(), out.data()));
    }));
    sums4.push_back(timed([&] { adc4.scan(out.data()); }));
    sums8.push_back(timed([&] { adc8.scan(out.data()); }));
  }
  const double ns = 1e9 / static_cast<double>(c.count), fastest = lower_quartile(scan);
  state.counters["ns_per_code"] = fastest * ns;
  state.counters["below_ns_per_code"] = lower_quartile(below) * ns;
  state.counters["adc4_ns_per_code"] = lower_quartile(sums4) * ns;
  state.counters["adc8_ns_per_code"] = lower_quartile(sums8) * ns;
  state.counters["over_adc4"] = lower_quartile(sums4) / fastest;
  state.counters["over_adc8"] = lower_quartile(sums8) / fastest;
}

}  // namespace

void register_fastscan_benchmarks() {
  for (const uint32_t bytes : {8u, 16u, 32u, 98u}) {
    for (const bool dram : {false, true}) {
      const Case c = {bytes, dram ? (size_t{64} << 20) / bytes : 4096};
      const std::string name = fmt::format("fastscan/{}/{}", bytes, dram ? "dram" : "l2");
      benchmark::RegisterBenchmark(name.c_str(), run_case, c)->UseManualTime()->MinTime(dram ? 0.3 : 0.01);
    }
  }
}

}  // namespace kith::bench
