// RaBitQ with 1 to 8 bits a dimension: an unbiased estimate of distances with a bound that holds at a known
// rate (Gao and Long, SIGMOD 2024; several bits: Gao et al., "Practical and Asymptotically Optimal
// Quantization …", SIGMOD 2025).
//
// Let r = P (o - c), c the mean of the training vectors, P a random rotation. The code is the point v of the
// grid {±1/2, ±3/2 …}^D whose direction comes nearest to r's, found by trying scales. With s = |r|² / <v, r>
// the error s v - r is orthogonal to r and, as P is random, points anywhere else: <s v, x> estimates <r, x>
// without bias, with standard deviation |x| |r| tan(v, r) / sqrt(D - 1).
//
//   L2    |o - q|² = |r|² + |q - c|² - 2 <r, P (q - c)>
//   ip    -<o, q> = -<c, q> - w <o - c, c> - <r, P (q - w c)> for any w; w = <q, c> / |c|² leaves the least
//   to
//         estimate
#pragma once

#include "index/codes/vector_code.h"

namespace kith {

extern const CodeKind kRabitqKind;  // "rabitq"; bits 1 to 8, 4 when not given

}  // namespace kith
