#include "bench/micro/code_bench.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/random.h"
#include "index/codes/vector_code.h"

namespace kith::bench {
namespace {

constexpr size_t kVectors = 512;
constexpr size_t kRowsPerCall = 32;

std::vector<float> normal_elements(size_t count) {
  Random random(5);
  std::vector<float> elements(count);
  for (float& x : elements) x = static_cast<float>(random.normal());
  return elements;
}

AlignedBuffer buffer_of(size_t bytes) {
  return AlignedBuffer::allocate(bytes).value();
}

/// A trained code, its rows and a prepared query.
struct Setup {
  std::vector<float> vectors;
  std::unique_ptr<VectorCode> code;
  AlignedBuffer rows, query;

  explicit Setup(const CodeSpec& spec) : vectors(normal_elements(kVectors * spec.dim)) {
    code = find_code_kind(spec.name).value()->train(spec, vectors.data(), kVectors).value();
    rows = buffer_of(kVectors * code->bytes());
    query = buffer_of(code->query_bytes());
    for (size_t i = 0; i < kVectors; ++i) code->encode(vector(i), row(i));
    code->prepare(vector(0), query.data());
  }

  const float* vector(size_t i) const { return vectors.data() + i * code->spec().dim; }
  std::byte* row(size_t i) { return rows.data() + i * code->bytes(); }
};

/// ns of one row: calls over shuffled pointers.
void run_kernel(benchmark::State& state, DistanceFn kernel, const void* query, const std::byte* rows,
                size_t row_bytes, uint32_t dim) {
  std::vector<const void*> pointers(kVectors);
  for (size_t i = 0; i < kVectors; ++i) pointers[i] = rows + i * row_bytes;
  std::shuffle(pointers.begin(), pointers.end(), std::mt19937(3));
  float out[kRowsPerCall];
  size_t at = 0;
  for (auto _ : state) {
    kernel(query, pointers.data() + at, kRowsPerCall, dim, out);
    benchmark::ClobberMemory();
    at = (at + kRowsPerCall) % kVectors;
  }
  using benchmark::Counter;
  state.counters["ns_per_row"] =
      Counter(kRowsPerCall * 1e-9, Counter::kIsIterationInvariantRate | Counter::kInvert);
  state.counters["row_bytes"] = static_cast<double>(row_bytes);
}

/// Trained when it is first used, once for all benchmarks of the code.
class LazySetup {
 public:
  explicit LazySetup(const CodeSpec& spec) : spec_(spec) {}
  Setup& get() {
    if (!setup_) setup_.emplace(spec_);
    return *setup_;
  }

 private:
  CodeSpec spec_;
  std::optional<Setup> setup_;
};

void run_estimate(benchmark::State& state, Setup& s) {
  run_kernel(state, s.code->kernel(), s.query.data(), s.rows.data(), s.code->bytes(), s.code->spec().dim);
}

void run_exact(benchmark::State& state, uint32_t dim) {
  const std::vector<float> vectors = normal_elements(kVectors * dim);
  run_kernel(state, distance_kernel(Metric::kL2, ScalarType::kF32), vectors.data(),
             reinterpret_cast<const std::byte*>(vectors.data()), dim * sizeof(float), dim);
}

/// One call per iteration, of vector after vector.
template <typename Work>
void run_each(benchmark::State& state, Setup& s, Work work) {
  std::vector<float> decoded(s.code->spec().dim);
  size_t i = 0;
  for (auto _ : state) {
    work(s, i, decoded.data());
    benchmark::ClobberMemory();
    i = (i + 1) % kVectors;
  }
}

void register_code(const CodeSpec& spec) {
  const std::string name =
      fmt::format("code/{}{}/{}/", spec.name, spec.bits == 0 ? "" : std::to_string(spec.bits), spec.dim);
  const auto lazy = std::make_shared<LazySetup>(spec);
  const auto add = [&](const char* work, auto run) {
    benchmark::RegisterBenchmark((name + work).c_str(), [run, lazy](benchmark::State& state) {
      run(state, lazy->get());
    })->MinTime(0.02);
  };
  add("estimate", run_estimate);
  add("encode", [](benchmark::State& state, Setup& setup) {
    run_each(state, setup, [](Setup& s, size_t i, float*) { s.code->encode(s.vector(i), s.row(i)); });
  });
  add("decode", [](benchmark::State& state, Setup& setup) {
    run_each(state, setup, [](Setup& s, size_t i, float* out) { s.code->decode(s.row(i), out); });
  });
  add("prepare", [](benchmark::State& state, Setup& setup) {
    run_each(state, setup, [](Setup& s, size_t i, float*) { s.code->prepare(s.vector(i), s.query.data()); });
  });
  add("prepare_stored", [](benchmark::State& state, Setup& setup) {
    run_each(state, setup,
             [](Setup& s, size_t i, float*) { s.code->prepare_stored(s.row(i), s.query.data()); });
  });
  add("error_bound", [](benchmark::State& state, Setup& setup) {
    run_each(state, setup, [](Setup& s, size_t i, float*) {
      benchmark::DoNotOptimize(s.code->error_bound(s.query.data(), s.row(i), 1.9f));
    });
  });
}

}  // namespace

void register_code_benchmarks() {
  for (const uint32_t dim : {128u, 256u, 784u}) {
    benchmark::RegisterBenchmark(fmt::format("code/none/{}/estimate", dim).c_str(),
                                 [dim](benchmark::State& state) { run_exact(state, dim); })
        ->MinTime(0.02);
    for (const CodeKind* kind : code_kinds()) register_code({kind->name, Metric::kL2, dim});
    for (const uint32_t bits : {1u, 8u}) register_code({"rabitq", Metric::kL2, dim, bits});
  }
}

}  // namespace kith::bench
