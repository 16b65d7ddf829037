// The frame of a saved code: what it was trained for, then what its training found.
//
//   u32 magic, u32 version, text kind, u8 metric, u32 dim, u32 bits, u32 subvectors, u64 seed,
//   u32 length and the kind's own bytes, u32 crc32c of all before
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "index/codes/vector_code.h"

namespace kith {

std::string save_code(const CodeSpec& spec, std::span<const std::byte> body);

/// The body, a view into `saved`. Corruption unless frame and checksum are right and the spec is the one
/// saved.
Result<std::span<const std::byte>> open_saved_code(const CodeSpec& spec, std::string_view saved);

/// Fills `out`; Corruption when bytes are missing or a number is not finite.
Result<void> read_floats(ByteReader& reader, std::span<float> out);

/// InvalidArgument unless metric, dimension and training vectors are what every code needs: L2 or inner
/// product, 1 to kDimMax dimensions, at least one vector, all elements finite.
Result<void> check_training(const CodeSpec& spec, const float* vectors, size_t count);

/// Element by element, of packed vectors.
std::vector<float> mean_of(const float* vectors, size_t count, uint32_t dim);

}  // namespace kith
