#include "index/codes/sq_code.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "index/codes/code_dispatch.h"
#include "index/codes/saved_code.h"
#include "index/codes/scratch.h"

namespace kith {
namespace {

using kernels::SqFactors;
using kernels::SqQuery;
using kernels::SqTable;

constexpr float kQueryMax = 8191;  // 128 * 64 - 1: the high part is 64 at most

float inner_product(const float* a, const float* b, uint32_t dim) {
  const void* row = b;
  float negated;
  distance_kernel(Metric::kInnerProduct, ScalarType::kF32)(a, &row, 1, dim, &negated);
  return -negated;
}

class SqCode final : public VectorCode {
 public:
  SqCode(const CodeSpec& spec, std::vector<float> mean);

  const CodeSpec& spec() const override { return spec_; }
  size_t bytes() const override {
    return first_level_bytes() + (two_levels() ? sizeof(float) + spec_.dim : 0);
  }
  void encode(const float* vector, std::byte* code) const override;
  void decode(const std::byte* code, float* vector) const override;
  size_t query_bytes() const override { return kernels::sq_query_bytes(spec_.dim); }
  void prepare(const float* query, std::byte* prepared) const override;
  void prepare_stored(const std::byte* code, std::byte* prepared) const override;
  DistanceFn kernel() const override {
    return two_levels() ? table_->lvq4x8 : spec_.bits == 4 ? table_->sq4 : table_->sq8;
  }
  float error_bound(const std::byte* prepared, const std::byte* code, float sigmas) const override;
  const VectorCode& walk_code() const override { return two_levels() ? *first_level_ : *this; }
  std::string save() const override { return save_code(spec_, std::as_bytes(std::span(mean_))); }

 private:
  bool l2() const { return spec_.metric == Metric::kL2; }
  bool two_levels() const { return first_level_ != nullptr; }
  size_t first_level_bytes() const {
    return sizeof(SqFactors) + (spec_.bits == 8 ? spec_.dim : kernels::sq4_code_bytes(spec_.dim));
  }
  SqFactors quantise(const float* x, uint8_t* codes, uint8_t* residuals, float* residual_add) const;
  void values_of(const std::byte* code, float* x) const;
  void prepare_values(const float* x, std::byte* prepared) const;

  CodeSpec spec_;
  const SqTable* table_;
  uint32_t padded_;
  int top_;  // the greatest code of the first level
  std::vector<float> mean_;
  std::unique_ptr<SqCode> first_level_;  // of lvq4x8
};

SqCode::SqCode(const CodeSpec& spec, std::vector<float> mean)
    : spec_(spec),
      table_(&kernels::sq_table()),
      padded_(kernels::sq_padded(spec.dim)),
      top_(spec.bits == 8 ? 255 : 15),
      mean_(std::move(mean)) {
  if (spec.bits != 12) return;
  CodeSpec first = spec;
  first.name = kSq4Kind.name;
  first.bits = 4;
  first_level_ = std::make_unique<SqCode>(first, mean_);
}

/// Whole numbers w times half, moved by middle: the squared norm of what a row stands for.
class ValueNorm {
 public:
  void add(int64_t w) {
    sum_ += w;
    squares_ += w * w;
  }
  float of(double middle, double half, uint32_t dim) const {
    const double cross = 2 * middle * half * static_cast<double>(sum_);
    return static_cast<float>(dim * middle * middle + cross + half * half * static_cast<double>(squares_));
  }

 private:
  int64_t sum_ = 0, squares_ = 0;
};

SqFactors SqCode::quantise(const float* x, uint8_t* codes, uint8_t* residuals, float* residual_add) const {
  const kernels::Survey survey = table_->survey(x, spec_.dim);
  const float top = static_cast<float>(top_);
  SqFactors factors = {0, survey.low / 2 + survey.high / 2, (survey.high - survey.low) / 2 / top};
  float inverse = 1 / (2 * factors.half);
  if (!std::isfinite(inverse)) inverse = factors.half = 0;  // all elements equal
  const float residual_half = factors.half / 255;
  ValueNorm norm, residual_norm;
  for (uint32_t i = 0; i < spec_.dim; ++i) {
    codes[i] = static_cast<uint8_t>(std::min((x[i] - survey.low) * inverse + 0.5f, top));
    const int w = 2 * codes[i] - top_;
    norm.add(w);
    if (!two_levels()) continue;
    const float left =
        x[i] - (factors.middle + factors.half * static_cast<float>(w));  // between -half and half
    residuals[i] =
        static_cast<uint8_t>(std::clamp((left + factors.half) * 255 * inverse + 0.5f, 0.0f, 255.0f));
    residual_norm.add(255 * w + 2 * residuals[i] - 255);
  }
  factors.add = norm.of(factors.middle, factors.half, spec_.dim);
  *residual_add = residual_norm.of(factors.middle, residual_half, spec_.dim);
  return factors;
}

void SqCode::encode(const float* vector, std::byte* code) const {
  float* x = scratch(padded_ + padded_ / 2);
  auto* codes = reinterpret_cast<uint8_t*>(x + padded_);
  uint8_t* residuals = codes + padded_;
  table_->subtract(vector, mean_.data(), 1, spec_.dim, padded_, x);
  SqFactors factors;
  float residual_add;
  if (std::isfinite(inner_product(x, x, spec_.dim))) {
    factors = quantise(x, codes, residuals, &residual_add);
  } else {  // not finite, or too long for floats: infinitely far from everything
    residual_add = std::numeric_limits<float>::quiet_NaN();
    factors = {residual_add, 0, 0};
    std::memset(codes, 0, 2 * size_t{padded_});
  }
  std::memcpy(code, &factors, sizeof(factors));
  auto* out = reinterpret_cast<uint8_t*>(code + sizeof(factors));
  if (spec_.bits == 8) {
    std::memcpy(out, codes, spec_.dim);
    return;
  }
  kernels::sq4_pack(codes, spec_.dim, out);
  if (!two_levels()) return;
  std::memcpy(code + first_level_bytes(), &residual_add, sizeof(float));
  std::memcpy(code + first_level_bytes() + sizeof(float), residuals, spec_.dim);
}

/// The vector without the mean.
void SqCode::values_of(const std::byte* code, float* x) const {
  SqFactors factors;
  std::memcpy(&factors, code, sizeof(factors));
  auto* codes = reinterpret_cast<uint8_t*>(x + padded_);
  const auto* packed = reinterpret_cast<const uint8_t*>(code + sizeof(factors));
  if (spec_.bits == 8)
    std::memcpy(codes, packed, spec_.dim);
  else
    kernels::sq4_unpack(packed, spec_.dim, codes);
  for (uint32_t i = 0; i < spec_.dim; ++i)
    x[i] = factors.middle + factors.half * static_cast<float>(2 * codes[i] - top_);
  if (std::isnan(factors.add)) x[0] = factors.add;  // what was not finite stays so
  std::memset(x + spec_.dim, 0, sizeof(float) * (padded_ - spec_.dim));
  if (!two_levels()) return;
  const auto* residuals = reinterpret_cast<const uint8_t*>(code + first_level_bytes() + sizeof(float));
  for (uint32_t i = 0; i < spec_.dim; ++i)
    x[i] += factors.half / 255 * static_cast<float>(2 * residuals[i] - 255);
}

void SqCode::decode(const std::byte* code, float* vector) const {
  float* x = scratch(padded_ + padded_ / 4);
  values_of(code, x);
  for (uint32_t i = 0; i < spec_.dim; ++i) vector[i] = x[i] + mean_[i];
}

void SqCode::prepare(const float* query, std::byte* prepared) const {
  float* x = scratch(padded_);
  table_->subtract(query, mean_.data(), l2() ? 1 : 0, spec_.dim, padded_, x);
  prepare_values(x, prepared);
}

void SqCode::prepare_stored(const std::byte* code, std::byte* prepared) const {
  float* x = scratch(padded_ + padded_ / 4);
  values_of(code, x);
  if (!l2()) table_->subtract(x, mean_.data(), -1, spec_.dim, padded_, x);
  prepare_values(x, prepared);
}

/// Of a query without the mean (L2) or as it is (inner product).
void SqCode::prepare_values(const float* x, std::byte* prepared) const {
  const kernels::Survey survey = table_->survey(x, spec_.dim);
  const float largest = std::max(std::abs(survey.low), std::abs(survey.high));
  SqQuery header = {};
  header.norm = inner_product(x, x, spec_.dim);
  header.add = l2() ? header.norm : -inner_product(x, mean_.data(), spec_.dim);
  header.weight = l2() ? 1 : 0;
  header.middle = l2() ? -2 * survey.sum : -survey.sum;
  auto* high = reinterpret_cast<int8_t*>(prepared + sizeof(header));
  int8_t *low = high + padded_, *last_high = low + padded_, *last_low = last_high + kernels::kSqBlock;
  std::memset(high, 0, query_bytes() - sizeof(header));
  if (!std::isfinite(header.norm) || !std::isfinite(header.add)) {
    header.add = std::numeric_limits<float>::quiet_NaN();
  } else if (std::isfinite(kQueryMax / largest)) {
    header.step = largest / kQueryMax;
    header.factor = l2() ? -2 * header.step : -header.step;
    table_->split(x, padded_, kQueryMax / largest, high, low, &header.high_sum, &header.low_sum);
  }
  std::memcpy(prepared, &header, sizeof(header));
  const uint32_t n = spec_.dim % kernels::kSqBlock, first = spec_.dim - n, h = (n + 1) / 2;
  std::memcpy(last_high, high + first, h);
  std::memcpy(last_high + kernels::kSqBlock / 2, high + first + h, n - h);
  std::memcpy(last_low, low + first, h);
  std::memcpy(last_low + kernels::kSqBlock / 2, low + first + h, n - h);
}

/// Each element is wrong by at most half a step, by a third of its square on average, in directions that have
/// nothing to do with the query's: |q - o|² = |q - x|² - 2 <q - x, e> + |e|².
float SqCode::error_bound(const std::byte* prepared, const std::byte* code, float sigmas) const {
  SqQuery query;
  std::memcpy(&query, prepared, sizeof(query));
  SqFactors factors;
  std::memcpy(&factors, code, sizeof(factors));
  const float half = two_levels() ? factors.half / 255 : factors.half;
  const float of_code = half * half / 3, of_query = query.step * query.step / 12;
  if (!l2()) return sigmas * std::sqrt(query.norm * of_code + factors.add * of_query);
  const void* row = code;
  float distance;
  kernel()(prepared, &row, 1, spec_.dim, &distance);
  const float variance = std::max(distance, 0.0f) * of_code + factors.add * of_query;
  return 2 * sigmas * std::sqrt(variance) + static_cast<float>(spec_.dim) * of_code;
}

Result<CodeSpec> resolve(CodeSpec spec) {
  const uint32_t bits = spec.name == kSq8Kind.name ? 8 : spec.name == kSq4Kind.name ? 4 : 12;
  if (spec.bits != 0 && spec.bits != bits)
    return invalid_argument("code '{}': bits is {}; use {}, or 0 for the default", spec.name, spec.bits,
                            bits);
  if (spec.subvectors != 0)
    return invalid_argument("code '{}': subvectors is {}, but it has none; leave it at 0", spec.name,
                            spec.subvectors);
  spec.bits = bits;
  return spec;
}

Result<std::unique_ptr<VectorCode>> train(const CodeSpec& given, const float* vectors, size_t count) {
  const CodeSpec spec = TRY(resolve(given));
  TRY(check_training(spec, vectors, count));
  return std::unique_ptr<VectorCode>(std::make_unique<SqCode>(spec, mean_of(vectors, count, spec.dim)));
}

Result<std::unique_ptr<VectorCode>> open(const CodeSpec& given, std::string_view saved) {
  const CodeSpec spec = TRY(resolve(given));
  const std::span<const std::byte> body = TRY(open_saved_code(spec, saved));
  ByteReader reader(body, "saved code");
  std::vector<float> mean(spec.dim);
  TRY(read_floats(reader, mean));
  TRY(reader.finish());
  return std::unique_ptr<VectorCode>(std::make_unique<SqCode>(spec, std::move(mean)));
}

}  // namespace

const CodeKind kSq8Kind = {"sq8", "8 bits a dimension between each vector's own bounds (LVQ-8)", train, open};
const CodeKind kSq4Kind = {"sq4", "4 bits a dimension between each vector's own bounds (LVQ-4)", train, open};
const CodeKind kLvq4x8Kind = {"lvq4x8", "4 bits a dimension to walk on, then 8 bits of residual", train,
                              open};

}  // namespace kith
