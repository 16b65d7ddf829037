#include "datasets/hdf5_frames.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "datasets/packed_reader.h"

namespace kith {
namespace {

class FrameReader final : public VectorReader {
 public:
  FrameReader(std::unique_ptr<InputStream> stream, FrameElements elements)
      : stream_(std::move(stream)), elements_(elements) {}

  Result<void> start() {
    const auto magic = TRY(stream_->number<uint32_t>("the greeting of kith-hdf5"));
    if (magic == kFrameError) return read_error();
    std::byte rest[20];
    TRY(stream_->read(rest, "the greeting of kith-hdf5"));
    std::byte signed_bytes[20];
    store_le(signed_bytes, magic);
    std::copy_n(rest, 16, signed_bytes + 4);
    if (magic != kFrameMagic || load_le<uint16_t>(rest) != kFrameVersion ||
        crc32c(signed_bytes) != load_le<uint32_t>(rest + 16))
      return damaged("a greeting of another version, or a damaged one");
    const auto element = load_le<uint16_t>(rest + 2);
    if (element > static_cast<uint16_t>(Element::kU8) || !scalar_is_sent(static_cast<Element>(element)))
      return damaged("an unknown element type");
    element_ = static_cast<Element>(element);
    if (elements_ == FrameElements::kRawInt32) TRY(take_as_int32());
    info_.path = stream_->path();
    info_.file_bytes = stream_->file_bytes();
    info_.rows = load_le<uint64_t>(rest + 4);
    info_.dim = TRY(checked_dim(load_le<uint32_t>(rest + 12), info_.path, 16));
    info_.type = scalar_of(element_);
    return {};
  }

  const ReaderInfo& info() const override { return info_; }

  uint64_t bytes_read() const override {
    if (*info_.rows == 0) return info_.file_bytes;
    const double part = static_cast<double>(row_) / static_cast<double>(*info_.rows);
    return std::min(info_.file_bytes, static_cast<uint64_t>(part * static_cast<double>(info_.file_bytes)));
  }

  Result<ReadBatch> next(size_t rows) override {
    ReadBatch batch;
    batch.first_row = first_row_ + row_;
    batch.dim = info_.dim;
    batch.type = info_.type;
    while (batch.count < rows) {
      if (frame_rows_ == frame_taken_ && !TRY(next_frame())) break;
      const size_t count = std::min<size_t>(rows - batch.count, frame_rows_ - frame_taken_);
      TRY(take(count, batch));
    }
    return batch;
  }

  void set_first_row(uint64_t row) { first_row_ = row; }

 private:
  static bool scalar_is_sent(Element element) {
    return element == Element::kF32 || element == Element::kI32 || element == Element::kI8 ||
           element == Element::kU8;
  }

  Error damaged(std::string_view what) const {
    return corruption("file '{}': the HDF5 reader sent {} before byte {} of its stream", stream_->path(),
                      what, stream_->offset());
  }

  // As f32 the bits of an int32 pass unconverted.
  Result<void> take_as_int32() {
    if (element_ != Element::kI32)
      return invalid_argument("file '{}': the HDF5 dataset does not hold 32-bit or 64-bit integers",
                              stream_->path());
    element_ = Element::kF32;
    return {};
  }

  Result<void> read_error() {
    const auto checksum = TRY(stream_->number<uint32_t>("an error message"));
    std::vector<std::byte> body(8);
    TRY(stream_->read(body, "an error message"));
    const auto code = load_le<uint32_t>(body.data());
    const auto bytes = load_le<uint32_t>(body.data() + 4);
    if (code < 1 || code > static_cast<uint32_t>(Code::kCorruption) || bytes > kFrameTextMax)
      return damaged("a damaged error message");
    body.resize(8 + bytes);
    TRY(stream_->read(std::span(body).subspan(8), "an error message"));
    if (crc32c(body) != checksum) return damaged("a damaged error message");
    return make_error(static_cast<Code>(code), "file '{}': {}", stream_->path(),
                      as_text(std::span(body).subspan(8)));
  }

  // False after the end frame.
  Result<bool> next_frame() {
    if (ended_) return false;
    const auto count = TRY(stream_->number<uint32_t>("a frame of rows"));
    if (count == kFrameError) {
      TRY(read_error());
      return damaged("an error without one");
    }
    const auto checksum = TRY(stream_->number<uint32_t>("a frame of rows"));
    if (count == 0) return read_end(checksum);
    const uint64_t bytes = uint64_t{count} * info_.dim * element_bytes(element_);
    if (count > kFrameRowsMax || bytes > kFrameBytesMax || count > *info_.rows - row_)
      return damaged("more rows than announced");
    frame_.resize(bytes);
    TRY(stream_->read(frame_, "a frame of rows"));
    if (crc32c(frame_) != checksum) return damaged("a damaged frame");
    frame_rows_ = count;
    frame_taken_ = 0;
    return true;
  }

  Result<bool> read_end(uint32_t checksum) {
    std::byte total[8];
    TRY(stream_->read(total, "the end frame"));
    if (crc32c(total) != checksum || load_le<uint64_t>(total) != row_ || row_ != *info_.rows)
      return damaged("fewer rows than announced");
    ended_ = true;
    return false;
  }

  Result<void> take(size_t count, ReadBatch& batch) {
    const size_t in_bytes = size_t{info_.dim} * element_bytes(element_);
    const size_t out_bytes = vector_bytes(info_.type, info_.dim);
    batch.data.resize((batch.count + count) * out_bytes);
    for (size_t i = 0; i < count; ++i) {
      TRY(convert_elements(frame_.data() + frame_taken_ * in_bytes, info_.dim, element_,
                           batch.data.data() + batch.count * out_bytes, info_.path, first_row_ + row_));
      ++frame_taken_;
      ++batch.count;
      ++row_;
    }
    return {};
  }

  std::unique_ptr<InputStream> stream_;
  FrameElements elements_;
  Element element_ = Element::kF32;
  ReaderInfo info_;
  uint64_t first_row_ = 0;
  uint64_t row_ = 0;  // given so far
  std::vector<std::byte> frame_;
  size_t frame_rows_ = 0;
  size_t frame_taken_ = 0;
  bool ended_ = false;
};

}  // namespace

ReaderResult make_frame_reader(std::unique_ptr<InputStream> stream, FrameElements elements,
                               uint64_t first_row) {
  auto reader = std::make_unique<FrameReader>(std::move(stream), elements);
  TRY(reader->start());
  reader->set_first_row(first_row);
  return std::unique_ptr<VectorReader>(std::move(reader));
}

}  // namespace kith
