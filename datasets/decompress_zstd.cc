// The only file that includes zstd.
#include <zstd.h>

#include "datasets/decompress.h"

namespace kith {
namespace {

class ZstdCodec final : public Codec {
 public:
  explicit ZstdCodec(ZSTD_DCtx* context) : context_(context) {}
  ~ZstdCodec() override { ZSTD_freeDCtx(context_); }

  Result<CodecStep> step(std::span<const std::byte> in, std::span<std::byte> out, bool) override {
    ZSTD_inBuffer input{in.data(), in.size(), 0};
    ZSTD_outBuffer output{out.data(), out.size(), 0};
    const size_t code = ZSTD_decompressStream(context_, &output, &input);
    if (ZSTD_isError(code)) return corruption("zstd: {}", ZSTD_getErrorName(code));
    return CodecStep{input.pos, output.pos, code == 0};
  }

 private:
  ZSTD_DCtx* context_;
};

}  // namespace

Result<std::unique_ptr<Codec>> zstd_codec() {
  ZSTD_DCtx* context = ZSTD_createDCtx();
  if (context == nullptr) return resource_exhausted("zstd: no memory for a decoder");
  std::unique_ptr<Codec> codec = std::make_unique<ZstdCodec>(context);
  ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, 27);
  return codec;
}

}  // namespace kith
