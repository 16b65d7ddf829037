// The loops of RaBitQ at one CPU level: estimates, the rotation, and what encoding does with every element.
// Rules for the sources of a level: index/distance/kernels.h.
#pragma once

#include "index/codes/rabitq_layout.h"
#include "index/distance/kernels.h"

namespace kith::kernels {

constexpr uint32_t kRotationRounds = 3;

struct RabitqSums {
  float dot;   // of values and vector
  float norm;  // squared, of the values
};

/// Of a code as query bytes w, v being its values.
struct StoredSums {
  int32_t bytes;     // sum of w
  uint32_t squares;  // of 2 v
  uint32_t own;      // sum of 2 v w
};

/// Vectors here have a padded dimension, a multiple of 64.
struct RabitqTable {
  /// Estimates by bits per dimension, 1 to 8; dim before padding.
  Kernel estimate[9];
  /// Rounds of x *= factors, then Walsh–Hadamard and butterfly: see rotation.h. Forwards and back.
  void (*rotate)(const float* factors, uint32_t dim, float* x);
  void (*unrotate)(const float* factors, uint32_t dim, float* x);
  /// out = a - weight b, and zeros from dim to padded.
  void (*subtract)(const float* a, const float* b, float weight, uint32_t dim, uint32_t padded, float* out);
  /// Squared norm; *largest is the largest absolute value.
  float (*norm)(const float* x, uint32_t dim, float* largest);
  /// With values of |x_i| as trunc(|x_i| factor) + 1/2, at most `top`.
  RabitqSums (*trial)(const float* x, uint32_t dim, float factor, float top);
  /// out[i] = floor(x_i factor) + (top + 1/2), kept within 0 and 2 top; sums of out[i] - top.
  RabitqSums (*quantise)(const float* x, uint32_t dim, float factor, float top, uint8_t* out);
  /// x_i factor rounded to signed bytes, and their sum. `out` may be x.
  int32_t (*round)(const float* x, uint32_t dim, float factor, int8_t* out);
  /// A row's code as query bytes: twice its value (bits < 8), or the value moved by 1/2 up and down in turns.
  StoredSums (*stored)(const uint8_t* code, uint32_t bits, uint32_t dim, int8_t* out);
};

extern const RabitqTable kScalarRabitq;
extern const RabitqTable kAvx2Rabitq;
extern const RabitqTable kAvx512Rabitq;  // with AVX512-VNNI

}  // namespace kith::kernels
