#include "index/codes/rotation.h"

#include <bit>
#include <cmath>

#include "base/random.h"
#include "index/codes/rabitq_dispatch.h"

namespace kith {

Rotation::Rotation(uint32_t dim, uint64_t seed)
    : dim_(dim), padded_((dim + 63) / 64 * 64), table_(&kernels::rabitq_table()) {
  Random random(seed);
  const uint32_t block = std::bit_floor(padded_);
  const float inside = 1 / std::sqrt(static_cast<float>(block));
  const float all = block == padded_ ? 1 : std::sqrt(0.5f);  // of the butterfly that follows
  factors_.resize(size_t{kernels::kRotationRounds} * padded_);
  for (uint32_t round = 0; round < kernels::kRotationRounds; ++round) {
    const uint32_t first = round % 2 == 0 ? 0 : padded_ - block;
    for (uint32_t i = 0; i < padded_; ++i) {
      const float scale = all * (i >= first && i < first + block ? inside : 1);
      factors_[size_t{round} * padded_ + i] = random.next() >> 63 != 0 ? scale : -scale;
    }
  }
}

}  // namespace kith
