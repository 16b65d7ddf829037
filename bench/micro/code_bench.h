// Registers the benchmarks of the codes, named code/<name><bits>/<dim>/<work>, e.g.
// code/rabitq4/784/estimate: time of one vector or one query.
//
// Works: estimate (rows that stay in the second cache, 32 a call, as a graph's search asks), encode, decode,
// prepare, prepare_stored, error_bound. Beside them code/none/<dim>/estimate: the f32 kernel in the same
// loop.
#pragma once

namespace kith::bench {

void register_code_benchmarks();

}  // namespace kith::bench
