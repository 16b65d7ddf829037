#include "bench/churn/mixed_rows.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "base/random.h"

namespace kith::bench {
namespace {

constexpr float kMovedShare = 0.125f;  // of the root mean square of all components
constexpr size_t kSample = 1000;       // rows that tell it

}  // namespace

MixedRows::MixedRows(VectorBlock set, uint64_t seed) : set_(set), order_(set.count), seed_(seed) {
  std::iota(order_.begin(), order_.end(), 0u);
  Random random(seed);
  std::shuffle(order_.begin(), order_.end(), random);
  std::vector<float> sample;
  vectors(0, std::min(kSample, set.count), sample);
  double squares = 0;
  for (const float component : sample) squares += double{component} * component;
  moved_ = kMovedShare * static_cast<float>(std::sqrt(squares / static_cast<double>(sample.size())));
}

VectorBlock MixedRows::vectors(uint64_t first, size_t count, std::vector<float>& out) const {
  out.resize(count * set_.dim);
  for (size_t i = 0; i < count; ++i) copy(first + i, &out[i * set_.dim]);
  return {reinterpret_cast<const std::byte*>(out.data()), ScalarType::kF32, set_.dim, count};
}

void MixedRows::copy(uint64_t number, float* out) const {
  const VectorView row = set_[order_[number % order_.size()]];
  std::memcpy(out, row.data, row.bytes());
  if (number < order_.size()) return;
  Random random(mix64(seed_) ^ number);
  for (uint32_t i = 0; i < set_.dim; ++i) out[i] += moved_ * static_cast<float>(2 * random.uniform() - 1);
}

}  // namespace kith::bench
