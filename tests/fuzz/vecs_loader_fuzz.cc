// links: kith_datasets
// Goal: any bytes read as fvecs, bvecs and ivecs give whole rows or an error.
#include "tests/fuzz/reader_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  kith::fuzz::fuzz_reader(data, size, [](auto stream, const auto& options) {
    return kith::make_vecs_reader(std::move(stream), kith::Element::kF32, options);
  });
  kith::fuzz::fuzz_reader(data, size, [](auto stream, const auto& options) {
    return kith::make_vecs_reader(std::move(stream), kith::Element::kU8, options);
  });
  kith::fuzz::fuzz_reader(data, size, [](auto stream, const auto& options) {
    return kith::make_vecs_reader(std::move(stream), kith::Element::kI32, options);
  });
  return 0;
}
