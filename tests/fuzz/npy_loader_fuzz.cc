// links: kith_datasets
// Goal: any bytes read as npy give whole rows or an error.
#include "tests/fuzz/reader_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  kith::fuzz::fuzz_reader(data, size, [](auto stream, const auto& options) {
    return kith::make_npy_reader(std::move(stream), options);
  });
  return 0;
}
