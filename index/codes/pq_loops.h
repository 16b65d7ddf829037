// The tables of product quantisation, written once over a register of floats (a gcc and clang vector type)
// and compiled per level. Internal linkage, see kernels.h.
#pragma once

#include <stdint.h>
#include <string.h>

#include "index/codes/pq_kernels.h"

namespace kith::kernels {
namespace {

/// Floats and Ints: vector types of as many lanes.
template <typename Floats, typename Ints>
struct PqLoops {
  static constexpr uint32_t kLanes = sizeof(Floats) / sizeof(float);
  static constexpr uint32_t kRegisters = kPqLanes / kLanes < 4 ? 4 : kPqLanes / kLanes;  // sums in flight

  [[gnu::always_inline]] static Floats load(const float* at) {
    Floats loaded;
    memcpy(&loaded, at, sizeof loaded);
    return loaded;
  }
  [[gnu::always_inline]] static void store(float* at, Floats value) { memcpy(at, &value, sizeof value); }

  template <bool kL2, uint32_t N>
  [[gnu::always_inline]] static void columns_of(const float* x, const float* centroids, uint32_t dims,
                                                uint32_t columns, float* sums) {
    Floats total[N];
    for (uint32_t n = 0; n < N; ++n) total[n] = load(sums + n * kLanes);
    for (uint32_t d = 0; d < dims; ++d, centroids += columns) {
      const Floats element = Floats{} + x[d];
      for (uint32_t n = 0; n < N; ++n) {
        const Floats c = load(centroids + n * kLanes);
        if constexpr (kL2) {
          const Floats difference = element - c;
          total[n] += difference * difference;
        } else {
          total[n] -= element * c;
        }
      }
    }
    for (uint32_t n = 0; n < N; ++n) store(sums + n * kLanes, total[n]);
  }

  template <bool kL2>
  static void distances(const float* x, const float* centroids, uint32_t dims, uint32_t columns,
                        float* sums) {
    uint32_t j = 0;
    for (; j + kRegisters * kLanes <= columns; j += kRegisters * kLanes)
      columns_of<kL2, kRegisters>(x, centroids + j, dims, columns, sums + j);
    for (; j < columns; j += kLanes) columns_of<kL2, 1>(x, centroids + j, dims, columns, sums + j);
  }

  [[gnu::always_inline]] static Ints first_places() {
    int32_t places[kLanes];
    for (uint32_t lane = 0; lane < kLanes; ++lane) places[lane] = static_cast<int32_t>(lane);
    Ints loaded;
    memcpy(&loaded, places, sizeof loaded);
    return loaded;
  }

  static uint32_t least(const float* sums, uint32_t count) {
    Floats best = Floats{} + __builtin_inff();
    Ints at = {}, place = first_places();
    uint32_t j = 0;
    for (; j + kLanes <= count; j += kLanes, place += static_cast<int32_t>(kLanes)) {
      const Floats value = load(sums + j);
      const Ints less = value < best;
      best = less ? value : best;
      at = less ? place : at;
    }
    float lanes[kLanes];
    int32_t places[kLanes];
    memcpy(lanes, &best, sizeof best);
    memcpy(places, &at, sizeof at);
    float value = lanes[0];
    int32_t found = places[0];
    for (uint32_t lane = 1; lane < kLanes; ++lane) {
      if (lanes[lane] > value || (lanes[lane] == value && places[lane] > found)) continue;
      value = lanes[lane];
      found = places[lane];
    }
    for (; j < count; ++j) {
      if (!(sums[j] < value)) continue;
      value = sums[j];
      found = static_cast<int32_t>(j);
    }
    return static_cast<uint32_t>(found);
  }

  static constexpr PqTable table() { return {distances<true>, distances<false>, least}; }
};

}  // namespace
}  // namespace kith::kernels
