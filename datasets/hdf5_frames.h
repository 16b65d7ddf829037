// What kith-hdf5 says on its standard output. libhdf5 parses untrusted files in a process of its own, and
// even what that process says is checked here: it may have been taken over by the file.
//
//   hello   magic "KHD5" | u16 version 1 | u16 element | u64 rows | u32 dim | u32 crc32c of the 20 bytes
//   before rows    u32 count 1..kFrameRowsMax | u32 crc32c of the body | count × dim elements end     u32 0 |
//   u32 crc32c of the total | u64 total rows error   u32 0xffffffff | u32 crc32c of code and text | u32 code
//   (base/result.h) | u32 bytes ≤ 4,096 | text
//
// All little-endian. hello, rows*, end; an error may stand in place of any of them and is the last.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "datasets/open.h"

namespace kith {

inline constexpr uint32_t kFrameMagic = 0x3544484b;  // "KHD5"
inline constexpr uint16_t kFrameVersion = 1;
inline constexpr uint32_t kFrameRowsMax = 65536;
inline constexpr uint32_t kFrameBytesMax = uint32_t{16} << 20;
inline constexpr uint32_t kFrameError = 0xffffffff;
inline constexpr uint32_t kFrameTextMax = 4096;

struct FrameHello {
  Element element = Element::kF32;  // kF32, kI32, kI8 or kU8
  uint64_t rows = 0;
  uint32_t dim = 0;
};

std::vector<std::byte> encode_hello(const FrameHello& hello);
/// The 8 bytes before a body of `count` rows.
std::vector<std::byte> encode_rows_header(uint32_t count, std::span<const std::byte> body);
std::vector<std::byte> encode_end(uint64_t total);
std::vector<std::byte> encode_error(const Error& error);

}  // namespace kith
