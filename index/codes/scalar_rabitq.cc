// RaBitQ in plain C++: the reference for the other levels.
#include "index/codes/rabitq_loops.h"
#include "index/codes/scalar_floats.h"

namespace kith::kernels {
namespace {

template <uint32_t kBits>
void estimate(const void* prepared, const void* const* rows, size_t count, uint32_t dim, float* out) {
  const auto* query = static_cast<const RabitqQuery*>(prepared);
  const auto* bytes = reinterpret_cast<const int8_t*>(query + 1);
  const uint32_t padded = (dim + 63) / 64 * 64;
  for (size_t r = 0; r < count; ++r) {
    RabitqFactors factors;
    memcpy(&factors, rows[r], sizeof(factors));
    const uint8_t* code = static_cast<const uint8_t*>(rows[r]) + sizeof(factors);
    uint32_t dot = 0;
    for (uint32_t i = 0; i < padded; i += kRabitqBlock) {
      const uint32_t n = padded - i < kRabitqBlock ? padded - i : kRabitqBlock;
      uint8_t codes[kRabitqBlock];
      unpack_codes(code + i / 8 * kBits, kBits, n, codes);
      for (uint32_t j = 0; j < n; ++j) dot += static_cast<uint32_t>(bytes[i + j] * codes[j]);
    }
    const int32_t twice = static_cast<int32_t>(2 * dot - static_cast<uint32_t>(query->offset));
    const float fixed = query->weight * factors.add + query->add;
    const float distance = query->factor * factors.scale * static_cast<float>(twice) + fixed;
    out[r] = distance < __builtin_inff() ? distance : __builtin_inff();  // NaN as well
  }
}

constexpr RabitqTable scalar_table() {
  RabitqTable table = rabitq_loops<ScalarFloats>();
  const Kernel kernels[] = {nullptr,     estimate<1>, estimate<2>, estimate<3>, estimate<4>,
                            estimate<5>, estimate<6>, estimate<7>, estimate<8>};
  for (int bits = 1; bits <= 8; ++bits) table.estimate[bits] = kernels[bits];
  return table;
}

}  // namespace

constinit const RabitqTable kScalarRabitq = scalar_table();

}  // namespace kith::kernels
