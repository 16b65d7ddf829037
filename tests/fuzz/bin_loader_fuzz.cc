// links: kith_datasets
// Goal: any bytes read as fbin and u8bin give whole rows or an error.
#include "tests/fuzz/reader_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  kith::fuzz::fuzz_reader(data, size, [](auto stream, const auto& options) {
    return kith::make_bin_reader(std::move(stream), kith::Element::kF32, options);
  });
  kith::fuzz::fuzz_reader(data, size, [](auto stream, const auto& options) {
    return kith::make_bin_reader(std::move(stream), kith::Element::kU8, options);
  });
  return 0;
}
