// The scalar quantisers in plain C++: "registers" of 64 bytes with one sum, the reference for the other
// levels.
#include "index/codes/scalar_floats.h"
#include "index/codes/sq_loops.h"

namespace kith::kernels {
namespace {

struct ScalarBytes {
  static constexpr uint32_t kBytes = 64;
  struct Vec {
    uint8_t bytes[kBytes];  // of a sum the first four are used
  };

  static Vec zero() { return {}; }
  static Vec load(const void* p) {
    Vec v;
    memcpy(v.bytes, p, kBytes);
    return v;
  }
  static Vec load_tail(const void* p, uint32_t n) {
    Vec v = {};
    memcpy(v.bytes, p, n);
    return v;
  }
  static uint32_t sum_of(const Vec& v) {
    uint32_t sum;
    memcpy(&sum, v.bytes, 4);
    return sum;
  }
  static Vec of_sum(uint32_t sum) {
    Vec v = {};
    memcpy(v.bytes, &sum, 4);
    return v;
  }
  static Vec add(const Vec& a, const Vec& b) { return of_sum(sum_of(a) + sum_of(b)); }
  static Vec low_halves(Vec v) {
    for (uint8_t& byte : v.bytes) byte &= 15;
    return v;
  }
  static Vec high_halves(Vec v) {
    for (uint8_t& byte : v.bytes) byte >>= 4;
    return v;
  }
  static Vec dot(const Vec& sum, const Vec& codes, const Vec& query) {
    int32_t products = 0;
    for (uint32_t i = 0; i < kBytes; ++i) products += codes.bytes[i] * static_cast<int8_t>(query.bytes[i]);
    return of_sum(sum_of(sum) + static_cast<uint32_t>(products));
  }
  template <int N>
  static void sums(const Vec* s, uint32_t* out) {
    for (int n = 0; n < N; ++n) out[n] = sum_of(s[n]);
  }
};

}  // namespace

constinit const SqTable kScalarSq = sq_loops<ScalarFloats, ScalarBytes>();

}  // namespace kith::kernels
