// One float as if it were a register. Interface: float_loops.h. Internal linkage, see
// index/distance/kernels.h.
#pragma once

#include <math.h>
#include <stdint.h>

namespace kith::kernels {
namespace {

struct ScalarFloats {
  using Vec = float;
  static constexpr uint32_t kLanes = 1;
  static Vec load(const float* p) { return *p; }
  static void store(float* p, Vec x) { *p = x; }
  static Vec set1(float x) { return x; }
  static Vec add(Vec a, Vec b) { return a + b; }
  static Vec sub(Vec a, Vec b) { return a - b; }
  static Vec mul(Vec a, Vec b) { return a * b; }
  static Vec min(Vec a, Vec b) { return a < b ? a : b; }
  static Vec max(Vec a, Vec b) { return a > b ? a : b; }
  static Vec abs(Vec x) { return fabsf(x); }
  static Vec trunc(Vec x) { return truncf(x); }
  static Vec floor(Vec x) { return floorf(x); }
  static Vec round(Vec x) { return rintf(x); }
  static float sum(Vec x) { return x; }
  static float smallest(Vec x) { return x; }
  static float largest(Vec x) { return x; }
  static void store_bytes(Vec x, uint8_t* out) { *out = static_cast<uint8_t>(static_cast<int32_t>(x)); }
};

}  // namespace
}  // namespace kith::kernels
