// links: kith_datasets
// Goal: any bytes unpacked as gzip give bytes within the limits or an error.
#include "tests/fuzz/reader_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr kith::UnpackLimits kLimits{uint64_t{4} << 20, 2000};
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  auto packed = std::make_unique<kith::fuzz::ShortReads>(kith::memory_source(bytes));
  auto source = kith::unpack(kith::Packing::kGzip, "fuzz", std::move(packed), kLimits);
  CHECK(source.ok());
  std::byte buffer[1000];
  uint64_t total = 0;
  for (;;) {
    const kith::Result<size_t> read = (*source)->read(buffer);
    if (!read.ok() || *read == 0) break;
    CHECK(*read <= sizeof buffer);
    total += *read;
  }
  CHECK(total <= kLimits.bytes_max);
  return 0;
}
