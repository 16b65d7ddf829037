// Registers the benchmarks of scanning product codes, named fastscan/<bytes of a code>/<place>, place being
// l2 (4,096 codes) or dram (64 MiB of codes). Each pass of FastScan over all codes is timed between passes of
// the plain sums over 4-bit codes and over 8-bit codes of as many bytes, so that noise hits all alike.
//
// Counters: ns_per_code, below_ns_per_code (scan_below with one code in a hundred below), adc4_ns_per_code,
// adc8_ns_per_code, over_adc4 and over_adc8 (how many times as fast FastScan is), each from the lower
// quartile of the passes.
#pragma once

namespace kith::bench {

void register_fastscan_benchmarks();

}  // namespace kith::bench
