// The tables of product quantisation with AVX-512.
#include "index/codes/pq_loops.h"

namespace kith::kernels {

namespace {

using Floats [[gnu::vector_size(64)]] = float;
using Ints [[gnu::vector_size(64)]] = int32_t;

}  // namespace

const PqTable kAvx512Pq = PqLoops<Floats, Ints>::table();

}  // namespace kith::kernels
