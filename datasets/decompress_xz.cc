// The only file that includes lzma.
#include <lzma.h>

#include "datasets/decompress.h"

namespace kith {
namespace {

constexpr uint64_t kMemoryMax = uint64_t{512} << 20;

std::string_view lzma_words(lzma_ret code) {
  switch (code) {
    case LZMA_MEM_ERROR:
      return "no memory";
    case LZMA_MEMLIMIT_ERROR:
      return "its dictionary needs more than 512 MiB";
    case LZMA_FORMAT_ERROR:
      return "not an xz stream";
    case LZMA_OPTIONS_ERROR:
      return "unsupported xz options";
    case LZMA_DATA_ERROR:
      return "damaged data";
    default:
      return "failed";
  }
}

class XzCodec final : public Codec {
 public:
  explicit XzCodec(lzma_stream stream) : stream_(stream) {}
  ~XzCodec() override { lzma_end(&stream_); }

  Result<CodecStep> step(std::span<const std::byte> in, std::span<std::byte> out, bool last) override {
    if (ended_) return CodecStep{0, 0, true};
    stream_.next_in = reinterpret_cast<const uint8_t*>(in.data());
    stream_.avail_in = in.size();
    stream_.next_out = reinterpret_cast<uint8_t*>(out.data());
    stream_.avail_out = out.size();
    const lzma_ret code = lzma_code(&stream_, last ? LZMA_FINISH : LZMA_RUN);
    CodecStep step{in.size() - stream_.avail_in, out.size() - stream_.avail_out, false};
    if (code == LZMA_STREAM_END) ended_ = true;
    step.between_frames = ended_;
    // No progress was possible: fine where the input ended, which the caller sees.
    if (code == LZMA_BUF_ERROR && !in.empty()) return corruption("xz: no progress");
    if (code == LZMA_OK || code == LZMA_STREAM_END || code == LZMA_BUF_ERROR) return step;
    const std::string_view words = lzma_words(code);
    if (code == LZMA_MEM_ERROR || code == LZMA_MEMLIMIT_ERROR) return resource_exhausted("xz: {}", words);
    return corruption("xz: {}", words);
  }

 private:
  lzma_stream stream_;
  bool ended_ = false;
};

}  // namespace

Result<std::unique_ptr<Codec>> xz_codec() {
  lzma_stream stream = LZMA_STREAM_INIT;
  if (lzma_stream_decoder(&stream, kMemoryMax, LZMA_CONCATENATED) != LZMA_OK)
    return resource_exhausted("xz: no memory for a decoder");
  return std::unique_ptr<Codec>(std::make_unique<XzCodec>(stream));
}

}  // namespace kith
