// links: kith_query
// Goal: any JSON is a valid filter that can be written, read back, made canonical and asked, or an error that
// says where.
#include "tests/fuzz/filter_laws.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace kith;
  const auto [text, payload] = fuzz::filter_and_payload(data, size);
  const auto filter = parse_filter_json(text);
  if (!filter.ok()) {
    fuzz::check_filter_error(filter.error());
    return 0;
  }
  fuzz::check_filter_laws(*filter, payload);
  return 0;
}
