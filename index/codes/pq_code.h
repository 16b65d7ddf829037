// PqCode: "pq" and "opq" as a VectorCode: a product quantiser (pq_codebook.h), for opq behind a rotation that
// makes its error small (opq_rotation.h). A code takes exactly subvectors * bits / 8 bytes (rounded up), no
// factor beside it.
//
// Defaults: 8 bits and one sub-vector for 8 dimensions, or 4 bits and one for 4: dim / 8 bytes either way.
// Training looks at 18,432 vectors at most (64 per centroid of 8 bits, and a ninth to measure errors on) and
// needs as many vectors as centroids.
//
// The estimate is the distance to the vector x' that the code stands for (asymmetric, ADC; between two codes
// SDC), for L2 plus the mean squared error of the code: it is off by 2 <q - x', e> - |e|^2 + the mean of
// |e|^2 (L2) or <q, e> (inner product) with the unknown e = x - x', so it has no bias for queries that know
// nothing of e. How large e is training knows per centroid, so the spread of the error is a sum over the
// code's cells; how many spreads hold at which rate is measured on pairs of vectors that trained no centroid,
// neighbours and strangers, and stored. So bounds are of vectors and queries like those of training.
#pragma once

#include <array>
#include <optional>

#include "index/codes/opq_rotation.h"
#include "index/codes/pq_codebook.h"
#include "index/codes/vector_code.h"

namespace kith {

class PqCode final : public VectorCode {
 public:
  static Result<std::unique_ptr<PqCode>> train(const CodeSpec& spec, const float* vectors, size_t count);
  static Result<std::unique_ptr<PqCode>> open(const CodeSpec& spec, std::string_view saved);

  const CodeSpec& spec() const override { return spec_; }
  size_t bytes() const override { return book_.code_bytes(); }
  void encode(const float* vector, std::byte* code) const override;
  void decode(const std::byte* code, float* vector) const override;
  size_t query_bytes() const override;
  void prepare(const float* query, std::byte* prepared) const override;
  void prepare_stored(const std::byte* code, std::byte* prepared) const override;
  DistanceFn kernel() const override;
  float error_bound(const std::byte* prepared, const std::byte* code, float sigmas) const override;
  std::string save() const override;

  const PqCodebook& codebook() const { return book_; }
  const std::optional<OpqRotation>& rotation() const { return rotation_; }
  /// Mean squared error of a vector's code, as measured in training: what an estimate of L2 adds.
  float mean_error() const { return mean_error_; }
  /// The table inside a prepared query.
  static const float* table_of(const std::byte* prepared);

  /// Spreads that hold at the rate of (i + 1) / 2 standard deviations.
  using Spreads = std::array<float, 6>;

 private:
  /// InvalidArgument names what does not go together.
  static Result<CodeSpec> with_defaults(CodeSpec spec);
  explicit PqCode(const CodeSpec& spec) : spec_(spec), book_(spec.dim, spec.subvectors, spec.bits) {}

  void prepare_rotated(const float* query, std::byte* prepared) const;
  double spread(const std::byte* prepared, const std::byte* code) const;
  void measure_spreads(const std::vector<float>& all, const std::vector<float>& unseen);

  CodeSpec spec_;  // defaults filled in
  PqCodebook book_;
  std::optional<OpqRotation> rotation_;
  float mean_error_ = 0;  // squared, of a vector
  Spreads spreads_ = {};
};

extern const CodeKind kPqKind, kOpqKind;

}  // namespace kith
