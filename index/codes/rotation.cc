#include "index/codes/rotation.h"

#include <bit>
#include <cmath>

#include "base/random.h"
#include "index/codes/code_dispatch.h"

namespace kith {

Rotation::Rotation(uint32_t dim, uint64_t seed)
    : padded_((dim + 63) / 64 * 64), table_(&kernels::rabitq_table()) {
  Random random(seed);
  factors_ = AlignedBuffer::allocate(sizeof(float) * kernels::kRotationRounds * padded_).value();
  const float butterfly = std::has_single_bit(padded_) ? 1 : std::sqrt(0.5f);
  for (uint32_t round = 0; round < kernels::kRotationRounds; ++round) {
    float* const of_round = reinterpret_cast<float*>(factors_.data()) + size_t{round} * padded_;
    for (uint32_t left = padded_, block; left != 0; left -= block) {
      block = std::bit_floor(left);
      const float scale = butterfly / std::sqrt(static_cast<float>(block));
      const uint32_t first = round % 2 == 0 ? padded_ - left : left - block;
      for (uint32_t i = first; i < first + block; ++i)
        of_round[i] = random.next() >> 63 != 0 ? scale : -scale;
    }
  }
}

}  // namespace kith
