// Distance kernels: one query against many rows, the fastest version this CPU runs, chosen once at start-up.
//
// Every kernel returns "smaller is nearer": squared L2, negated inner product, 1 - cosine, Hamming bits. What
// users see as score is made from it in one place (score_of). Kernels of f32, f16 and bf16 rows take an f32
// query; integer and bit rows take a query of their own type (query_type says which).
//
// Defined at the edges: a zero vector has cosine distance 1 to everything, itself included; a NaN in either
// argument gives +infinity, so that it sorts last and never enters a heap. KITH_CPU=scalar|avx2|avx512 lowers
// the level chosen.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "base/vector_view.h"

namespace kith {

/// kL2 is kept squared inside; scores shown to users are the root.
enum class Metric : uint8_t { kL2 = 0, kInnerProduct = 1, kCosine = 2, kHamming = 3 };
inline constexpr size_t kMetrics = 4;

constexpr std::string_view metric_name(Metric metric) {
  constexpr std::string_view kNames[kMetrics] = {"l2", "ip", "cosine", "hamming"};
  return kNames[static_cast<size_t>(metric)];
}

/// Accepts the names above and the aliases euclidean, dot, angular.
Result<Metric> parse_metric(std::string_view name);
Result<ScalarType> parse_scalar_type(std::string_view name);

/// The element type a kernel expects its query in.
constexpr ScalarType query_type(ScalarType stored) {
  return stored == ScalarType::kF16 || stored == ScalarType::kBF16 ? ScalarType::kF32 : stored;
}

/// out[i] = distance(query, rows[i]) for i < count. Rows need no alignment (64 bytes is fastest). The kernel
/// prefetches rows ahead of itself. Thread-safe, allocates nothing.
using DistanceFn = void (*)(const void* query, const void* const* rows, size_t count, uint32_t dim,
                            float* out);

enum class CpuLevel : uint8_t { kScalar = 0, kAvx2 = 1, kAvx512 = 2, kNeon = 3 };

/// The level in use: the best the CPU has, or KITH_CPU if that is lower. A name the CPU cannot run is an
/// error at start-up.
CpuLevel cpu_level();
std::string_view cpu_level_name(CpuLevel level);

/// The kernel for a metric and stored type at the level in use. kHamming goes with kBit only and kBit with
/// kHamming only; other pairs that make no sense return null: ask `validate_metric` first.
DistanceFn distance_kernel(Metric metric, ScalarType type);
/// The same for a given level (tests, benchmarks); null when this CPU or build lacks it.
DistanceFn distance_kernel_at(CpuLevel level, Metric metric, ScalarType type);

/// InvalidArgument naming metric and type when they do not go together.
Result<void> validate_metric(Metric metric, ScalarType type);

/// Distance to the score shown to users: L2 → Euclidean distance (lower is nearer), ip → inner product,
/// cosine → cosine similarity (higher is nearer), hamming → differing bits.
float score_of(Metric metric, float distance);
/// The inverse: a user's score threshold or radius to a distance bound.
float distance_of(Metric metric, float score);
/// True when a higher score is nearer (ip, cosine).
constexpr bool higher_is_nearer(Metric metric) {
  return metric == Metric::kInnerProduct || metric == Metric::kCosine;
}

/// Converts `count` elements between f32 and a stored type (f16, bf16: round to nearest even; i8, u8: must be
/// integral and in range, else InvalidArgument naming the position; bit: > 0 sets the bit).
Result<void> from_f32(const float* in, size_t count, ScalarType type, std::byte* out);
void to_f32(const std::byte* in, size_t count, ScalarType type, float* out);

}  // namespace kith
