#include "datasets/packed_reader.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "index/distance/distance.h"

namespace kith {
namespace {

constexpr size_t kChunkBytes = size_t{256} << 10;

class PackedReader final : public VectorReader {
 public:
  PackedReader(std::unique_ptr<InputStream> stream, const PackedLayout& layout, const ReaderOptions& options)
      : stream_(std::move(stream)), layout_(layout), left_(options.rows_max) {
    info_.path = stream_->path();
    info_.file_bytes = stream_->file_bytes();
    info_.dim = layout.dim;
    info_.type = scalar_of(layout.element);
  }

  Result<void> start(const ReaderOptions& options) {
    uint64_t skip = options.first_row;
    if (layout_.rows) {
      skip = std::min(skip, *layout_.rows);
      left_ = std::min(left_, *layout_.rows - skip);
      info_.rows = left_;
    }
    uint64_t bytes = 0;
    if (__builtin_mul_overflow(skip, row_bytes(), &bytes)) bytes = UINT64_MAX;
    const uint64_t skipped = TRY(stream_->skip(bytes));
    if (skipped == bytes) {
      row_ = skip;
      return {};
    }
    if (layout_.rows || skipped % row_bytes() != 0)
      return corruption("file '{}' is cut short inside row {}: it ends at byte {}", info_.path,
                        skipped / row_bytes(), stream_->offset());
    row_ = skipped / row_bytes();
    return {};
  }

  const ReaderInfo& info() const override { return info_; }
  uint64_t bytes_read() const override { return stream_->file_bytes_read(); }

  Result<ReadBatch> next(size_t rows) override {
    ReadBatch batch;
    batch.first_row = row_;
    batch.dim = info_.dim;
    batch.type = info_.type;
    const size_t out_bytes = vector_bytes(info_.type, info_.dim);
    while (batch.count < rows && left_ > 0) {
      if (!layout_.rows && TRY(stream_->at_end())) break;
      // Grows with what was really read: a header's claim alone reserves no memory.
      const size_t chunk = std::min<uint64_t>({rows - batch.count, left_, kChunkBytes / out_bytes + 1});
      batch.data.resize((batch.count + chunk) * out_bytes);
      const size_t done = TRY(read_rows(chunk, batch.data.data() + batch.count * out_bytes));
      batch.count += done;
    }
    batch.data.resize(batch.count * out_bytes);
    if (left_ == 0 && end_expected_) TRY(check_end());
    return batch;
  }

  /// The last row of the file is among those to be given: bytes after it are an error.
  void expect_end_of_file() { end_expected_ = true; }

 private:
  uint64_t row_bytes() const {
    return uint64_t{layout_.dim} * element_bytes(layout_.element) + (layout_.dim_before_row ? 4 : 0);
  }

  Result<size_t> read_rows(size_t count, std::byte* out) {
    const size_t out_bytes = vector_bytes(info_.type, info_.dim);
    row_buffer_.resize(row_bytes());
    for (size_t i = 0; i < count; ++i) {
      if (!layout_.rows && TRY(stream_->at_end())) return i;
      const uint64_t offset = stream_->offset();
      TRY(stream_->read(row_buffer_, "a row"));
      const std::byte* elements = row_buffer_.data();
      if (layout_.dim_before_row) {
        const auto dim = load_le<int32_t>(elements);
        if (dim != static_cast<int64_t>(layout_.dim))
          return invalid_argument("file '{}': row {} at byte {} says dimension {}, the rows before it {}",
                                  info_.path, row_, offset, dim, layout_.dim);
        elements += 4;
      }
      TRY(convert_elements(elements, layout_.dim, layout_.element, out + i * out_bytes, info_.path, row_));
      ++row_;
      --left_;
    }
    return count;
  }

  Result<void> check_end() {
    end_expected_ = false;
    if (TRY(stream_->at_end())) return {};
    return corruption("file '{}' goes on at byte {} after the {} rows its header declares", info_.path,
                      stream_->offset(), row_);
  }

  std::unique_ptr<InputStream> stream_;
  PackedLayout layout_;
  ReaderInfo info_;
  uint64_t left_;     // rows still to give at most
  uint64_t row_ = 0;  // of the next one
  std::vector<std::byte> row_buffer_;
  bool end_expected_ = false;
};

Result<void> int32_to_f32(const std::byte* in, size_t count, std::byte* out, const std::string& path,
                          uint64_t row) {
  for (size_t i = 0; i < count; ++i) {
    const auto value = load_le<int32_t>(in + 4 * i);
    const auto converted = static_cast<float>(value);
    if (static_cast<double>(converted) != static_cast<double>(value))
      return invalid_argument(
          "file '{}': row {} element {}: {} is not exact in f32; keep integers within ±2^24", path, row, i,
          value);
    store_le(out + 4 * i, converted);
  }
  return {};
}

}  // namespace

ScalarType scalar_of(Element element) {
  if (element == Element::kI8) return ScalarType::kI8;
  if (element == Element::kU8) return ScalarType::kU8;
  return ScalarType::kF32;
}

Result<void> convert_elements(const std::byte* in, size_t count, Element element, std::byte* out,
                              const std::string& path, uint64_t row) {
  switch (element) {
    case Element::kI32:
      return int32_to_f32(in, count, out, path, row);
    case Element::kF16:
      for (size_t i = 0; i < count; ++i) {
        float value = 0;
        to_f32(in + 2 * i, 1, ScalarType::kF16, &value);
        store_le(out + 4 * i, value);
      }
      return {};
    case Element::kF64:
      for (size_t i = 0; i < count; ++i) {
        const auto value = load_le<double>(in + 8 * i);
        // Out of f32's range a plain cast is undefined; infinity is what the engine then refuses by name.
        const bool beyond = std::isfinite(value) && std::abs(value) > 3.4028235677973366e38;
        store_le(out + 4 * i, beyond ? std::copysign(HUGE_VALF, static_cast<float>(value > 0 ? 1 : -1))
                                     : static_cast<float>(value));
      }
      return {};
    case Element::kF32:
    case Element::kI8:
    case Element::kU8:
      std::memcpy(out, in, count * element_bytes(element));
      return {};
  }
  CHECK(false);
}

Result<void> check_body_size(const InputStream& stream, uint64_t rows, uint64_t row_bytes) {
  if (!stream.size()) return {};
  const uint64_t there = *stream.size() - std::min(*stream.size(), stream.offset());
  uint64_t wanted = 0;
  const bool overflow = __builtin_mul_overflow(rows, row_bytes, &wanted);
  if (!overflow && wanted == there) return {};
  return corruption("file '{}': its header declares {} rows of {} bytes from byte {}, but {} bytes are there",
                    stream.path(), rows, row_bytes, stream.offset(), there);
}

Result<uint32_t> checked_dim(int64_t dim, const std::string& path, uint64_t offset) {
  if (dim >= 1 && dim <= kReaderDimMax) return static_cast<uint32_t>(dim);
  return invalid_argument("file '{}': dimension {} at byte {} is not in 1..{}", path, dim, offset,
                          kReaderDimMax);
}

ReaderResult make_packed_reader(std::unique_ptr<InputStream> stream, const PackedLayout& layout,
                                const ReaderOptions& options) {
  auto reader = std::make_unique<PackedReader>(std::move(stream), layout, options);
  TRY(reader->start(options));
  const bool to_the_end =
      layout.rows && options.rows_max >= *layout.rows - std::min(options.first_row, *layout.rows);
  if (to_the_end) reader->expect_end_of_file();
  return std::unique_ptr<VectorReader>(std::move(reader));
}

}  // namespace kith
