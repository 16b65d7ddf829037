// Unpackers: .zst, .xz and .gz as ByteSources over a packed one, each library wrapped in one file.
//
// A packed file is not trusted: a bomb is stopped by a cap on all bytes it unpacks to and by a cap on the
// ratio of unpacked to packed bytes (judged only beyond 64 MiB, since small runs pack arbitrarily well); the
// libraries' own memory is capped too (zstd window 128 MiB, lzma 512 MiB). Frames or members that follow each
// other are read as one stream. A stream that ends inside a frame is a Corruption naming the packed offset.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "datasets/byte_source.h"

namespace kith {

enum class Packing : uint8_t { kNone, kZstd, kXz, kGzip };

/// By the extension .zst, .xz or .gz.
Packing packing_of(std::string_view path);
/// The path without that extension.
std::string_view unpacked_name(std::string_view path);

struct UnpackLimits {
  uint64_t bytes_max = uint64_t{4} << 40;
  uint32_t ratio_max = 2000;
};

/// `packing` is not kNone. `path` is for errors.
Result<std::unique_ptr<ByteSource>> unpack(Packing packing, const std::string& path,
                                           std::unique_ptr<ByteSource> packed, const UnpackLimits& limits);

/// What one call of a codec did. `between_frames`: the stream may end here.
struct CodecStep {
  size_t consumed = 0;
  size_t produced = 0;
  bool between_frames = false;
};

/// One library's decoder.
class Codec {
 public:
  virtual ~Codec() = default;
  /// Decodes from `in` to `out` (not empty). `last`: no input follows `in`. Errors are the library's words
  /// alone; the caller adds file and offset. Progress (consumed or produced > 0) unless more input is needed.
  virtual Result<CodecStep> step(std::span<const std::byte> in, std::span<std::byte> out, bool last) = 0;
};

Result<std::unique_ptr<Codec>> zstd_codec();  // decompress_zstd.cc
Result<std::unique_ptr<Codec>> xz_codec();    // decompress_xz.cc
Result<std::unique_ptr<Codec>> gzip_codec();  // decompress_gzip.cc

}  // namespace kith
