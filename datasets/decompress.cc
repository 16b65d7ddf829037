#include "datasets/decompress.h"

#include <algorithm>
#include <vector>

namespace kith {
namespace {

constexpr size_t kPackedBufferBytes = size_t{128} << 10;
constexpr uint64_t kRatioJudgedFrom = uint64_t{64} << 20;

class UnpackedSource final : public ByteSource {
 public:
  UnpackedSource(std::string path, std::unique_ptr<ByteSource> packed, std::unique_ptr<Codec> codec,
                 const UnpackLimits& limits)
      : path_(std::move(path)), packed_(std::move(packed)), codec_(std::move(codec)), limits_(limits) {}

  Result<size_t> read(std::span<std::byte> out) override {
    for (;;) {
      if (begin_ == end_ && !packed_ended_) TRY(refill());
      const bool no_more = packed_ended_ && begin_ == end_;
      if (no_more && between_frames_) return size_t{0};
      const CodecStep step = TRY(decode(out));
      if (step.produced > 0) return step.produced;
      if (no_more && !between_frames_ && step.consumed == 0)
        return corruption("file '{}' is cut short: its packed data ends inside a frame at packed byte {}",
                          path_, packed_offset_);
    }
  }
  uint64_t file_bytes() const override { return packed_->file_bytes(); }
  uint64_t file_bytes_read() const override { return packed_->file_bytes_read(); }

 private:
  Result<void> refill() {
    buffer_.resize(kPackedBufferBytes);
    begin_ = 0;
    end_ = 0;
    end_ = TRY(packed_->read(buffer_));
    packed_ended_ = end_ == 0;
    return {};
  }

  Result<CodecStep> decode(std::span<std::byte> out) {
    const auto in = std::span<const std::byte>(buffer_).subspan(begin_, end_ - begin_);
    const Result<CodecStep> stepped = codec_->step(in, out, packed_ended_);
    if (!stepped.ok())
      return make_error(stepped.error().code, "file '{}' cannot be unpacked near packed byte {}: {}", path_,
                        packed_offset_, stepped.error().message);
    const CodecStep step = *stepped;
    begin_ += step.consumed;
    packed_offset_ += step.consumed;
    unpacked_bytes_ += step.produced;
    between_frames_ = step.between_frames;
    TRY(check_limits());
    return step;
  }

  Result<void> check_limits() const {
    if (unpacked_bytes_ > limits_.bytes_max)
      return invalid_argument(
          "file '{}' unpacks to more than {} bytes; raise unpacked_bytes_max if you trust it", path_,
          limits_.bytes_max);
    const uint64_t packed_kib = packed_offset_ / 1024 + 1;
    if (unpacked_bytes_ > kRatioJudgedFrom && unpacked_bytes_ / 1024 / packed_kib >= limits_.ratio_max)
      return invalid_argument(
          "file '{}' unpacks to {} bytes from {}: more than {} to one; raise unpack_ratio_max if you trust "
          "it",
          path_, unpacked_bytes_, packed_offset_, limits_.ratio_max);
    return {};
  }

  std::string path_;
  std::unique_ptr<ByteSource> packed_;
  std::unique_ptr<Codec> codec_;
  UnpackLimits limits_;
  std::vector<std::byte> buffer_;
  size_t begin_ = 0;  // packed bytes not yet decoded are buffer_[begin_, end_)
  size_t end_ = 0;
  uint64_t packed_offset_ = 0;
  uint64_t unpacked_bytes_ = 0;
  bool packed_ended_ = false;
  bool between_frames_ = false;  // an empty file is not a packed file
};

}  // namespace

Packing packing_of(std::string_view path) {
  if (path.ends_with(".zst")) return Packing::kZstd;
  if (path.ends_with(".xz")) return Packing::kXz;
  if (path.ends_with(".gz")) return Packing::kGzip;
  return Packing::kNone;
}

std::string_view unpacked_name(std::string_view path) {
  return packing_of(path) == Packing::kNone ? path : path.substr(0, path.rfind('.'));
}

Result<std::unique_ptr<ByteSource>> unpack(Packing packing, const std::string& path,
                                           std::unique_ptr<ByteSource> packed, const UnpackLimits& limits) {
  CHECK(packing != Packing::kNone);
  auto codec = TRY(packing == Packing::kZstd ? zstd_codec()
                   : packing == Packing::kXz ? xz_codec()
                                             : gzip_codec());
  return std::unique_ptr<ByteSource>(
      std::make_unique<UnpackedSource>(path, std::move(packed), std::move(codec), limits));
}

}  // namespace kith
