#include "index/codes/half_code.h"

#include <cmath>
#include <cstring>

#include "index/codes/saved_code.h"
#include "index/codes/scratch.h"

namespace kith {
namespace {

constexpr float kFp16Max = 65'504;

class HalfCode final : public VectorCode {
 public:
  explicit HalfCode(const CodeSpec& spec)
      : spec_(spec), type_(spec.name == kFp16Kind.name ? ScalarType::kF16 : ScalarType::kBF16) {}

  const CodeSpec& spec() const override { return spec_; }
  size_t bytes() const override { return size_t{spec_.dim} * 2; }
  void encode(const float* vector, std::byte* code) const override {
    from_f32(vector, spec_.dim, type_, code).value();
  }
  void decode(const std::byte* code, float* vector) const override { to_f32(code, spec_.dim, type_, vector); }

  size_t query_bytes() const override { return size_t{spec_.dim} * sizeof(float); }
  void prepare(const float* query, std::byte* prepared) const override {
    std::memcpy(prepared, query, query_bytes());
  }
  void prepare_stored(const std::byte* code, std::byte* prepared) const override {
    decode(code, reinterpret_cast<float*>(prepared));
  }
  DistanceFn kernel() const override { return distance_kernel(spec_.metric, type_); }
  float error_bound(const std::byte* prepared, const std::byte* code, float sigmas) const override;
  std::string save() const override { return save_code(spec_, {}); }

 private:
  float squared_norm(const float* x) const;

  CodeSpec spec_;
  ScalarType type_;
};

/// Each element x is wrong by half a unit of its last bit at most, so the vector by |e| in all, and the
/// distance by 2 |q - x| |e| + |e|² (L2) or |q| |e|. Rounding in the kernel's own sums, a millionth of the
/// distance, is not in it.
float HalfCode::error_bound(const std::byte* prepared, const std::byte* code, float) const {
  const bool fp16 = type_ == ScalarType::kF16;
  const float relative = fp16 ? 0x1.01p-11f : 0x1.01p-9f;
  const float least = fp16 ? 0x1p-25f : 0;  // of fp16's smallest numbers, whose last bit is 2^-24
  const float count = static_cast<float>(spec_.dim);
  float* x = scratch(spec_.dim);
  decode(code, x);
  const float error = relative * std::sqrt(squared_norm(x)) + least * std::sqrt(count);
  if (spec_.metric == Metric::kInnerProduct)
    return error * std::sqrt(squared_norm(reinterpret_cast<const float*>(prepared)));
  const void* row = code;
  float distance;
  kernel()(prepared, &row, 1, spec_.dim, &distance);
  return 2 * error * std::sqrt(distance) + error * error;
}

float HalfCode::squared_norm(const float* x) const {
  const void* row = x;
  float negated;
  distance_kernel(Metric::kInnerProduct, ScalarType::kF32)(x, &row, 1, spec_.dim, &negated);
  return -negated;
}

Result<CodeSpec> resolve(CodeSpec spec) {
  if (spec.bits != 0 && spec.bits != 16)
    return invalid_argument("code '{}': bits is {}; use 16, or 0 for the default", spec.name, spec.bits);
  if (spec.subvectors != 0)
    return invalid_argument("code '{}': subvectors is {}, but it has none; leave it at 0", spec.name,
                            spec.subvectors);
  spec.bits = 16;
  return spec;
}

Result<std::unique_ptr<VectorCode>> train(const CodeSpec& given, const float* vectors, size_t count) {
  const CodeSpec spec = TRY(resolve(given));
  TRY(check_training(spec, vectors, count));
  if (spec.name == kFp16Kind.name) {
    for (size_t i = 0; i < count * spec.dim; ++i)
      if (std::abs(vectors[i]) > kFp16Max)
        return invalid_argument("code 'fp16': training vector {} has the element {}, beyond {}; use bf16",
                                i / spec.dim, vectors[i], kFp16Max);
  }
  return std::unique_ptr<VectorCode>(std::make_unique<HalfCode>(spec));
}

Result<std::unique_ptr<VectorCode>> open(const CodeSpec& given, std::string_view saved) {
  const CodeSpec spec = TRY(resolve(given));
  const std::span<const std::byte> body = TRY(open_saved_code(spec, saved));
  if (!body.empty())
    return corruption("saved code '{}': {} bytes where there should be none", spec.name, body.size());
  return std::unique_ptr<VectorCode>(std::make_unique<HalfCode>(spec));
}

}  // namespace

const CodeKind kFp16Kind = {"fp16", "IEEE 16-bit floats, 11 significant bits", train, open};
const CodeKind kBf16Kind = {"bf16", "16-bit floats with the range of f32, 8 significant bits", train, open};

}  // namespace kith
