// VectorCode: a compressed form of vectors, trained once and immutable from then on. A search walks or scans
// codes and asks the full vectors only where the codes cannot decide.
//
// Distances are raw ones (vector_store.h): squared L2, or the negated inner product, which also serves cosine
// over vectors of length 1. An estimate comes from a kernel of the same shape as the distance kernels: its
// "query" is what `prepare` wrote, its "rows" are codes with their factors inside. So every loop over vectors
// is a loop over codes too.
//
// Threads: everything const is safe from any number of threads and allocates nothing, except where noted.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "index/distance/distance.h"

namespace kith {

struct CodeSpec {
  std::string name;             // a row of code_kinds(): "sq8", "rabitq", "pq" …
  Metric metric = Metric::kL2;  // kL2 or kInnerProduct (cosine: vectors scaled to length 1)
  uint32_t dim = 0;
  uint32_t bits = 0;        // per dimension (rabitq) or per sub-vector (pq); 0 = the kind's default
  uint32_t subvectors = 0;  // pq, opq; 0 = the kind's default
  uint64_t seed = 100;
};

class VectorCode {
 public:
  virtual ~VectorCode() = default;

  virtual const CodeSpec& spec() const = 0;
  /// Bytes of one code, factors included: what an array of codes takes per vector, exactly.
  virtual size_t bytes() const = 0;
  virtual void encode(const float* vector, std::byte* code) const = 0;
  /// The vector that the code stands for.
  virtual void decode(const std::byte* code, float* vector) const = 0;

  /// Bytes of a prepared query; it starts on 64 bytes.
  virtual size_t query_bytes() const = 0;
  virtual void prepare(const float* query, std::byte* prepared) const = 0;
  /// The same for the vector that a code stands for, cheaper than decode and prepare.
  virtual void prepare_stored(const std::byte* code, std::byte* prepared) const = 0;
  /// Estimates raw distances: out[i] of prepared query and codes rows[i]; dim as in spec.
  virtual DistanceFn kernel() const = 0;
  /// |estimate − distance| stays within this at the rate of `sigmas` standard deviations (two-sided: 1.9 →
  /// 94.4 %, 2.6 → 99 %); 0 where the code is exact, certain where the code's error is bounded and not
  /// random.
  virtual float error_bound(const std::byte* prepared, const std::byte* code, float sigmas) const = 0;
  /// The same knowing the estimate: narrower where that says that query and vector are near each other.
  virtual float error_bound_near(const std::byte* prepared, const std::byte* code, float /*estimate*/,
                                 float sigmas) const {
    return error_bound(prepared, code, sigmas);
  }

  /// A code to walk on where rows are to be ranked by this one: its rows are the first bytes of this code's
  /// rows, and a query prepared by one serves the other. This code itself where it has no levels.
  virtual const VectorCode& walk_code() const { return *this; }

  /// What training found, for checkpoints; CodeKind::open reads it.
  virtual std::string save() const = 0;
};

/// One row per code in index/codes/code_registry.cc.
struct CodeKind {
  const char* name;
  const char* summary;
  /// Trains on `count` packed f32 vectors. InvalidArgument names what does not go together.
  Result<std::unique_ptr<VectorCode>> (*train)(const CodeSpec& spec, const float* vectors, size_t count);
  /// Opens what save wrote for this spec; never trusts it: Corruption.
  Result<std::unique_ptr<VectorCode>> (*open)(const CodeSpec& spec, std::string_view saved);
};

std::span<const CodeKind* const> code_kinds();
/// NotFound names the kinds there are.
Result<const CodeKind*> find_code_kind(std::string_view name);

}  // namespace kith
