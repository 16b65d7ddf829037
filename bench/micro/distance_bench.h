// Registers the benchmarks of the distance kernels, named metric/type/dim/place, e.g. l2/f32/784/dram_random.
//
// Places: l1 and l2 (rows that stay in that cache), dram_sequential and dram_random (rows of 512 MiB in
// order, or in random order; 1,024 rows a call), dram_batches (random, 32 rows a call, as a graph's search
// asks). Each pass of the kernel is timed between passes of the limit loops (limits.h), so that noise of the
// machine hits both alike.
//
// Counters: bytes_per_second, ns_per_row, load_limit_ns_per_row, arithmetic_limit_ns_per_row (0: none
// written) and of_limit = the larger limit / ns_per_row, each from the lower quartile of the passes; the
// label names the limit that binds.
#pragma once

namespace kith::bench {

void register_distance_benchmarks();

}  // namespace kith::bench
