// What the fuzzers of the file readers share: the same bytes once as a stream of known size and once in short
// reads of unknown size, read to the end, with the promises of datasets/reader.h checked.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/check.h"
#include "datasets/open.h"

namespace kith::fuzz {

/// Hides the size and gives at most 7 bytes a read, as a pipe or an unpacker may.
class ShortReads final : public ByteSource {
 public:
  explicit ShortReads(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {}
  Result<size_t> read(std::span<std::byte> out) override {
    return source_->read(out.first(std::min<size_t>(out.size(), 7)));
  }
  uint64_t file_bytes() const override { return source_->file_bytes(); }
  uint64_t file_bytes_read() const override { return source_->file_bytes_read(); }

 private:
  std::unique_ptr<ByteSource> source_;
};

/// Errors must blame the file: nothing else can have gone wrong.
inline void check_error(const Error& error) {
  CHECK(error.code == Code::kInvalidArgument || error.code == Code::kCorruption);
  CHECK(!error.message.empty());
}

/// Rows given, or none where there was an error.
inline void read_to_end(Result<std::unique_ptr<VectorReader>> opened, size_t size) {
  if (!opened.ok()) return check_error(opened.error());
  VectorReader& reader = **opened;
  const ReaderInfo& info = reader.info();
  CHECK(info.dim >= 1 && info.dim <= kReaderDimMax);
  uint64_t rows = 0;
  for (size_t step = 1;; step = step * 3 + 1) {
    const Result<ReadBatch> batch = reader.next(step);
    if (!batch.ok()) return check_error(batch.error());
    if (batch->count == 0) break;
    CHECK(batch->count <= step && batch->first_row >= rows);
    CHECK(batch->data.size() == batch->count * vector_bytes(info.type, info.dim));
    CHECK(batch->ids.size() == (info.has_ids ? batch->count : 0));
    CHECK(batch->payloads.size() == (info.has_payloads ? batch->count : 0));
    rows += batch->count;
    CHECK(rows <= size);  // no format has rows of no bytes
  }
  CHECK(!info.rows || *info.rows == rows);
}

template <typename Make>
void fuzz_reader(const uint8_t* data, size_t size, const Make& make) {
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  ReaderOptions options;
  read_to_end(make(std::make_unique<InputStream>("known", memory_source(bytes)), options), size);
  options.first_row = 2;
  options.rows_max = 3;
  auto hidden = std::make_unique<ShortReads>(memory_source(bytes));
  const Result<std::unique_ptr<VectorReader>> reader =
      make(std::make_unique<InputStream>("hidden", std::move(hidden)), options);
  if (!reader.ok()) return check_error(reader.error());
  const Result<ReadBatch> batch = (*reader)->next(10);
  if (!batch.ok()) return check_error(batch.error());
  CHECK(batch->count <= 3);
}

/// Unpacks all of the bytes within limits of 4 MiB and 2,000 to 1.
inline void unpack_to_end(Packing packing, std::span<const std::byte> bytes) {
  constexpr UnpackLimits kLimits{uint64_t{4} << 20, 2000};
  auto packed = std::make_unique<ShortReads>(memory_source(bytes));
  auto source = unpack(packing, "fuzz", std::move(packed), kLimits);
  CHECK(source.ok());
  std::byte buffer[1000];
  uint64_t total = 0;
  for (;;) {
    const Result<size_t> read = (*source)->read(buffer);
    if (!read.ok() || *read == 0) break;
    CHECK(*read <= sizeof buffer);
    total += *read;
  }
  CHECK(total <= kLimits.bytes_max);
}

}  // namespace kith::fuzz
