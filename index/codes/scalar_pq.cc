// The tables of product quantisation with whatever the baseline has (SSE2, NEON).
#include "index/codes/pq_loops.h"

namespace kith::kernels {

namespace {

using Floats [[gnu::vector_size(16)]] = float;
using Ints [[gnu::vector_size(16)]] = int32_t;

}  // namespace

const PqTable kScalarPq = PqLoops<Floats, Ints>::table();

}  // namespace kith::kernels
