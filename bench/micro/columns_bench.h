// Registers the benchmarks of filters over columns, named columns/<what>: 500,000 rows with the attributes of
// SIFT descriptors (class of 1,000, image, x, y, size, angle, octave), drawn from a seed. Work: one select,
// one row added, columns written and opened.
//
// Counters: rows (that satisfy), memory_bytes_per_row, file_bytes_per_row.
#pragma once

namespace kith::bench {

void register_columns_benchmarks();

}  // namespace kith::bench
