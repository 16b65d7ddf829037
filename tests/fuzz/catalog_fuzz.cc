// links: kith_datasets
// Goal: any text read as a catalog gives entries with safe names and numbers in range, or an error.
#include <string_view>

#include "datasets/catalog.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto entries = kith::parse_catalog({reinterpret_cast<const char*>(data), size});
  if (!entries.ok()) {
    CHECK(entries.error().code == kith::Code::kInvalidArgument);
    return 0;
  }
  for (const kith::CatalogEntry& entry : *entries) {
    CHECK(entry.name.find('/') == std::string::npos && entry.name[0] != '.');
    CHECK(entry.dim >= 1 && entry.dim <= kith::kReaderDimMax && entry.rows >= 1);
  }
  return 0;
}
