// The tables of product quantisation with AVX2.
#include "index/codes/pq_loops.h"

namespace kith::kernels {

namespace {

using Floats [[gnu::vector_size(32)]] = float;
using Ints [[gnu::vector_size(32)]] = int32_t;

}  // namespace

const PqTable kAvx2Pq = PqLoops<Floats, Ints>::table();

}  // namespace kith::kernels
