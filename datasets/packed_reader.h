// Rows of one size, one after another, each perhaps after a prefix that repeats the dimension: what fvecs,
// fbin and npy have in common once their headers are read.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "datasets/open.h"

namespace kith {

struct PackedLayout {
  Element element = Element::kF32;
  uint32_t dim = 0;
  bool dim_before_row = false;   // int32, as in fvecs
  std::optional<uint64_t> rows;  // in the whole file, where the header or the file's size says so
};

/// `stream` stands at the first row. Where its size is known it has been checked against the layout.
ReaderResult make_packed_reader(std::unique_ptr<InputStream> stream, const PackedLayout& layout,
                                const ReaderOptions& options);

/// What rows of this element are given as.
ScalarType scalar_of(Element element);
/// Converts `count` elements. `path` and `row` are for the error of an int32 that f32 cannot hold.
Result<void> convert_elements(const std::byte* in, size_t count, Element element, std::byte* out,
                              const std::string& path, uint64_t row);

/// Corruption unless exactly `rows` rows of `row_bytes` lie in the stream after its offset (checked where the
/// size is known).
Result<void> check_body_size(const InputStream& stream, uint64_t rows, uint64_t row_bytes);

}  // namespace kith
