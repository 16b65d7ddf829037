// links: kith_datasets
// Goal: any bytes unpacked as gzip give bytes within the limits or an error.
#include "tests/fuzz/reader_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  kith::fuzz::unpack_to_end(kith::Packing::kGzip, {reinterpret_cast<const std::byte*>(data), size});
  return 0;
}
