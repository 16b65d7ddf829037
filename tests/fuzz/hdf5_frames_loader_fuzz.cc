// links: kith_datasets
// Goal: whatever a child process says instead of frames gives rows or an error.
#include "tests/fuzz/reader_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  for (const auto elements : {kith::FrameElements::kConverted, kith::FrameElements::kRawInt32}) {
    auto stream = std::make_unique<kith::InputStream>("frames", kith::memory_source(bytes));
    const auto reader = kith::make_frame_reader(std::move(stream), elements, 0);
    if (!reader.ok()) {
      CHECK(!reader.error().message.empty());  // of any code: errors of the child pass through
      continue;
    }
    for (;;) {
      const kith::Result<kith::ReadBatch> batch = (*reader)->next(1000);
      if (!batch.ok() || batch->count == 0) break;
      CHECK(batch->data.size() == batch->count * vector_bytes(batch->type, batch->dim));
    }
  }
  return 0;
}
