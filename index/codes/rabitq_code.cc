#include "index/codes/rabitq_code.h"

#include <cmath>
#include <limits>
#include <vector>

#include "base/bytes.h"
#include "base/random.h"
#include "index/codes/code_dispatch.h"
#include "index/codes/rotation.h"
#include "index/codes/saved_code.h"
#include "index/codes/scratch.h"

namespace kith {
namespace {

using kernels::RabitqFactors;
using kernels::RabitqQuery;
using kernels::RabitqSums;
using kernels::RabitqTable;
using kernels::StoredSums;

class RabitqCode final : public VectorCode {
 public:
  RabitqCode(const CodeSpec& spec, std::vector<float> centre);

  const CodeSpec& spec() const override { return spec_; }
  size_t bytes() const override { return sizeof(RabitqFactors) + size_t{padded_} * spec_.bits / 8; }
  void encode(const float* vector, std::byte* code) const override;
  void decode(const std::byte* code, float* vector) const override;
  size_t query_bytes() const override { return sizeof(RabitqQuery) + padded_; }
  void prepare(const float* query, std::byte* prepared) const override;
  void prepare_stored(const std::byte* code, std::byte* prepared) const override;
  DistanceFn kernel() const override { return table_->estimate[spec_.bits]; }
  float error_bound(const std::byte* prepared, const std::byte* code, float sigmas) const override;
  float error_bound_near(const std::byte* prepared, const std::byte* code, float estimate,
                         float sigmas) const override;
  std::string save() const override { return save_code(spec_, std::as_bytes(std::span(centre_))); }

 private:
  bool l2() const { return spec_.metric == Metric::kL2; }
  float inner_product(const float* a, const float* b) const;
  float best_factor(const float* x, float largest) const;
  double mean_squared_cosine() const;
  StoredSums stored(const std::byte* code, int8_t* bytes) const {
    return table_->stored(reinterpret_cast<const uint8_t*>(code + sizeof(RabitqFactors)), spec_.bits, padded_,
                          bytes);
  }
  /// `across`: squared length of what of the query is orthogonal to the vector, or more.
  float bound(const RabitqQuery& query, const RabitqFactors& factors, const StoredSums& sums, float across,
              float sigmas) const;
  int8_t* query_bytes_of(std::byte* prepared) const {
    return reinterpret_cast<int8_t*>(prepared + sizeof(RabitqQuery));
  }

  CodeSpec spec_;
  Rotation rotation_;
  uint32_t padded_;
  const RabitqTable* table_;
  float top_;  // largest value of the grid
  std::vector<float> centre_;
  float centre_norm_;     // squared
  float squared_cosine_;  // between a vector and its code, on average
};

RabitqCode::RabitqCode(const CodeSpec& spec, std::vector<float> centre)
    : spec_(spec),
      rotation_(spec.dim, spec.seed),
      padded_(rotation_.padded()),
      table_(&kernels::rabitq_table()),
      top_(static_cast<float>((1 << spec.bits) - 1) / 2),
      centre_(std::move(centre)),
      centre_norm_(inner_product(centre_.data(), centre_.data())),
      squared_cosine_(static_cast<float>(mean_squared_cosine())) {}

float RabitqCode::inner_product(const float* a, const float* b) const {
  const void* row = b;
  float negated;
  distance_kernel(Metric::kInnerProduct, ScalarType::kF32)(a, &row, 1, spec_.dim, &negated);
  return -negated;
}

/// The factor f whose grid point, rounded from f x, has the greatest cosine with x: among factors from the
/// one that just fits the largest element into the grid to those that cut off the tails of any distribution a
/// rotation leaves, then between the neighbours of the best one.
float RabitqCode::best_factor(const float* x, float largest) const {
  const float fits = (top_ + 0.5f) / largest;
  if (spec_.bits == 1) return fits;
  constexpr float kCoarse = 1.07f, kFine = 1.0136f;  // kFine^5 = kCoarse
  float best = fits, best_score = -1;
  const auto attempt = [&](float factor) {
    const RabitqSums sums = table_->trial(x, padded_, factor, top_);
    const float score = sums.dot * (sums.dot / sums.norm);
    if (score > best_score) best = factor, best_score = score;
  };
  float factor = fits * 0.99f;
  for (int i = 0; i < 16; ++i, factor *= kCoarse) attempt(factor);
  factor = best / kCoarse;
  for (int i = 0; i < 9; ++i) attempt(factor *= kFine);
  return best;
}

/// Of random directions, which is what a rotation makes of every vector.
double RabitqCode::mean_squared_cosine() const {
  constexpr int kDirections = 32;
  Random random(spec_.seed);
  std::vector<float> x(padded_);
  std::vector<uint8_t> codes(padded_);
  double sum = 0;
  for (int i = 0; i < kDirections; ++i) {
    for (float& element : x) element = static_cast<float>(random.normal());
    float largest;
    const double norm = table_->norm(x.data(), padded_, &largest);
    const RabitqSums sums =
        table_->quantise(x.data(), padded_, best_factor(x.data(), largest), top_, codes.data());
    sum += static_cast<double>(sums.dot) * sums.dot / (norm * sums.norm);
  }
  return sum / kDirections;
}

void RabitqCode::encode(const float* vector, std::byte* code) const {
  float* x = scratch(padded_ + padded_ / 4);
  auto* codes = reinterpret_cast<uint8_t*>(x + padded_);
  table_->subtract(vector, centre_.data(), 1, spec_.dim, padded_, x);
  const float centre_part = l2() ? 0 : inner_product(x, centre_.data());
  rotation_.apply(x);
  float largest;
  const float norm = table_->norm(x, padded_, &largest);
  RabitqFactors factors = {l2() ? norm : -centre_part, 0};
  float factor = 0;
  if (norm > 0 && std::isfinite(norm)) factor = best_factor(x, largest);
  const RabitqSums sums = table_->quantise(x, padded_, factor, top_, codes);
  if (factor > 0) factors.scale = norm / sums.dot;
  // A vector that is not finite, or too long for floats, is infinitely far from everything.
  if (!std::isfinite(norm) || !std::isfinite(factors.add) || !std::isfinite(factors.scale))
    factors = {std::numeric_limits<float>::quiet_NaN(), 0};
  std::memcpy(code, &factors, sizeof(factors));
  kernels::pack_codes(codes, spec_.bits, padded_, reinterpret_cast<uint8_t*>(code + sizeof(factors)));
}

void RabitqCode::decode(const std::byte* code, float* vector) const {
  float* x = scratch(padded_ + padded_ / 4);
  auto* codes = reinterpret_cast<uint8_t*>(x + padded_);
  RabitqFactors factors;
  std::memcpy(&factors, code, sizeof(factors));
  kernels::unpack_codes(reinterpret_cast<const uint8_t*>(code + sizeof(factors)), spec_.bits, padded_, codes);
  // s v is longer than r by 1 / cosine; the nearest multiple of v is shorter by cosine.
  const float scale = factors.scale * squared_cosine_;
  for (uint32_t i = 0; i < padded_; ++i) x[i] = scale * (static_cast<float>(codes[i]) - top_);
  rotation_.apply_inverse(x);
  for (uint32_t i = 0; i < spec_.dim; ++i) vector[i] = x[i] + centre_[i];
}

void RabitqCode::prepare(const float* query, std::byte* prepared) const {
  float weight = 1;
  float centre_part = 0;
  if (!l2()) {
    centre_part = inner_product(query, centre_.data());
    weight = centre_norm_ > 0 ? centre_part / centre_norm_ : 0;
  }
  float* x = scratch(padded_);
  table_->subtract(query, centre_.data(), weight, spec_.dim, padded_, x);
  rotation_.apply(x);
  float largest;
  const float norm = table_->norm(x, padded_, &largest);
  const bool usable = largest > 0 && std::isfinite(norm) && std::isfinite(127 / largest);
  const float step = usable ? largest / 127 : 0;
  int8_t* bytes = query_bytes_of(prepared);
  if (!usable) std::memset(bytes, 0, padded_);
  const int32_t sum = usable ? table_->round(x, padded_, 127 / largest, bytes) : 0;
  RabitqQuery header = {};
  header.add = l2() ? norm : -centre_part;
  if (!std::isfinite(norm)) header.add = std::numeric_limits<float>::quiet_NaN();
  header.weight = weight;
  header.factor = l2() ? -step : -step / 2;
  header.offset = sum * ((1 << spec_.bits) - 1);
  header.norm = norm;
  header.rounding = step * step / 12;
  std::memcpy(prepared, &header, sizeof(header));
}

void RabitqCode::prepare_stored(const std::byte* code, std::byte* prepared) const {
  RabitqFactors factors;
  std::memcpy(&factors, code, sizeof(factors));
  const StoredSums sums = stored(code, query_bytes_of(prepared));
  // Of the multiples of v the one nearest to r is that by s cosine². The bytes w are 2 v, or near v (8 bits):
  // they get the factor that makes <s v, factor w> equal to |r|², so that the distance of equal codes is 0.
  const float values = static_cast<float>(sums.squares) / 4;  // |v|²
  float squared_cosine = squared_cosine_;
  if (l2() && factors.scale > 0) squared_cosine = factors.add / (factors.scale * factors.scale * values);
  const float multiple = factors.scale * squared_cosine;
  const float step = multiple * static_cast<float>(sums.squares) / (2 * static_cast<float>(sums.own));
  RabitqQuery header = {};
  header.add = l2() ? factors.add : factors.add - centre_norm_;
  header.weight = 1;
  header.factor = l2() ? -step : -step / 2;
  header.offset = sums.bytes * ((1 << spec_.bits) - 1);
  header.norm = multiple * multiple * values;
  header.rounding = spec_.bits < 8 ? 0 : step * step / 4;
  std::memcpy(prepared, &header, sizeof(header));
}

float RabitqCode::bound(const RabitqQuery& query, const RabitqFactors& factors, const StoredSums& sums,
                        float across, float sigmas) const {
  const float length = factors.scale * factors.scale * static_cast<float>(sums.squares) / 4;  // |s v|²
  const float tangent = l2() ? std::max(length - factors.add, 0.0f) : length * (1 - squared_cosine_);
  const float variance = across * tangent / static_cast<float>(padded_ - 1) + query.rounding * length;
  return (l2() ? 2 : 1) * sigmas * std::sqrt(variance);
}

float RabitqCode::error_bound(const std::byte* prepared, const std::byte* code, float sigmas) const {
  RabitqQuery query;
  std::memcpy(&query, prepared, sizeof(query));
  RabitqFactors factors;
  std::memcpy(&factors, code, sizeof(factors));
  return bound(query, factors, stored(code, reinterpret_cast<int8_t*>(scratch(padded_ / 4))), query.norm,
               sigmas);
}

/// The error s v - r is orthogonal to r, so only what of the query is orthogonal to r meets it.
float RabitqCode::error_bound_near(const std::byte* prepared, const std::byte* code, float estimate,
                                   float sigmas) const {
  RabitqQuery query;
  std::memcpy(&query, prepared, sizeof(query));
  RabitqFactors factors;
  std::memcpy(&factors, code, sizeof(factors));
  const StoredSums sums = stored(code, reinterpret_cast<int8_t*>(scratch(padded_ / 4)));
  const float length = factors.scale * factors.scale * static_cast<float>(sums.squares) / 4;
  const float norm = l2() ? factors.add : length * squared_cosine_;
  const float product = (query.add + query.weight * factors.add - estimate) * (l2() ? 0.5f : 1.0f);  // <r, x>
  const float across = norm > 0 ? std::max(0.0f, query.norm - product * product / norm) : query.norm;
  return bound(query, factors, sums, across, sigmas);
}

Result<CodeSpec> resolve(CodeSpec spec) {
  if (spec.bits == 0) spec.bits = 4;
  if (spec.bits > 8) return invalid_argument("code 'rabitq': bits is {}; use 1 to 8", spec.bits);
  if (spec.subvectors != 0)
    return invalid_argument("code 'rabitq': subvectors is {}, but it has none; leave it at 0",
                            spec.subvectors);
  return spec;
}

Result<std::unique_ptr<VectorCode>> train(const CodeSpec& given, const float* vectors, size_t count) {
  const CodeSpec spec = TRY(resolve(given));
  TRY(check_training(spec, vectors, count));
  return std::unique_ptr<VectorCode>(std::make_unique<RabitqCode>(spec, mean_of(vectors, count, spec.dim)));
}

Result<std::unique_ptr<VectorCode>> open(const CodeSpec& given, std::string_view saved) {
  const CodeSpec spec = TRY(resolve(given));
  const std::span<const std::byte> body = TRY(open_saved_code(spec, saved));
  ByteReader reader(body, "saved code 'rabitq'");
  std::vector<float> centre(spec.dim);
  TRY(read_floats(reader, centre));
  TRY(reader.finish());
  return std::unique_ptr<VectorCode>(std::make_unique<RabitqCode>(spec, std::move(centre)));
}

}  // namespace

const CodeKind kRabitqKind = {
    "rabitq", "1 to 8 bits a dimension after a random rotation, unbiased with a bound", train, open};

}  // namespace kith
