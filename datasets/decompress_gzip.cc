// The only file that includes zlib.
#include <zlib.h>

#include <algorithm>

#include "datasets/decompress.h"

namespace kith {
namespace {

constexpr int kGzipOnly = 16 + MAX_WBITS;

class GzipCodec final : public Codec {
 public:
  ~GzipCodec() override {
    if (ready_) inflateEnd(&stream_);
  }

  Result<void> start() {
    if (inflateInit2(&stream_, kGzipOnly) != Z_OK) return resource_exhausted("gzip: no memory for a decoder");
    ready_ = true;
    return {};
  }

  Result<CodecStep> step(std::span<const std::byte> in, std::span<std::byte> out, bool) override {
    if (member_ended_ && !in.empty()) {
      inflateReset(&stream_);
      member_ended_ = false;
    }
    const auto in_bytes = static_cast<uInt>(std::min<size_t>(in.size(), UINT32_MAX));
    const auto out_bytes = static_cast<uInt>(std::min<size_t>(out.size(), UINT32_MAX));
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(in.data()));
    stream_.avail_in = in_bytes;
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = out_bytes;
    const int code = inflate(&stream_, Z_NO_FLUSH);
    if (code == Z_MEM_ERROR) return resource_exhausted("gzip: no memory");
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
      return corruption("gzip: {}", stream_.msg != nullptr ? stream_.msg : "damaged data");
    member_ended_ = code == Z_STREAM_END;
    return CodecStep{in_bytes - stream_.avail_in, out_bytes - stream_.avail_out, member_ended_};
  }

 private:
  z_stream stream_{};
  bool ready_ = false;
  bool member_ended_ = false;
};

}  // namespace

Result<std::unique_ptr<Codec>> gzip_codec() {
  auto codec = std::make_unique<GzipCodec>();
  TRY(codec->start());
  return std::unique_ptr<Codec>(std::move(codec));
}

}  // namespace kith
