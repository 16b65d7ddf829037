// links: kith_index
// Goal: no bytes make opening a checkpoint of any kind crash, hang or take memory beyond the file's size,
// and what opens can be searched and grown. Method: the first byte chooses the kind; then edits of
// valid files with their checksums made right, or raw files.
#include <cstddef>
#include <cstdint>

#include "tests/fuzz/checkpoint_mutator.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto kinds = kith::index_kinds();
  if (size == 0) return 0;
  const size_t which = data[0] % (kinds.size() + 2);
  const std::string_view labelled = which == kinds.size() ? kith::fuzz::kCoded : kith::fuzz::kFused;
  kith::fuzz::open_mutated(which < kinds.size() ? kinds[which]->name : labelled, {data + 1, size - 1});
  return 0;
}
