#include "index/distance/normalize.h"

#include <cmath>

namespace kith {

bool normalize(float* vector, size_t dim) {
  double sums[8] = {};  // independent chains: the compiler keeps them in vector registers
  size_t i = 0;
  for (; i + 8 <= dim; i += 8)
    for (size_t lane = 0; lane < 8; ++lane) sums[lane] += double{vector[i + lane]} * double{vector[i + lane]};
  for (; i < dim; ++i) sums[i % 8] += double{vector[i]} * double{vector[i]};
  double total = 0;
  for (const double sum : sums) total += sum;
  if (!(total > 0) || std::isinf(total))
    return false;  // the square of the least float is still above 0 in double
  const double inverse = 1 / std::sqrt(total);
  for (i = 0; i < dim; ++i) vector[i] = static_cast<float>(vector[i] * inverse);
  return true;
}

}  // namespace kith
