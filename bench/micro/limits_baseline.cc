// Reading with the registers every CPU has. No arithmetic limit: plain C++ kernels are not held to one.
#include "bench/micro/read_loops.h"

namespace kith::bench {
namespace {

typedef uint64_t Register __attribute__((vector_size(16)));

}  // namespace

const LevelLimits kBaselineLimits = {Reader<Register>::kReads, Reader<Register>::kReadCount,
                                     [](Metric, ScalarType) { return Arithmetic{}; }};

}  // namespace kith::bench
