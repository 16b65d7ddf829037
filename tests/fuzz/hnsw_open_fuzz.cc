// links: kith_index
// Goal: no bytes make opening a checkpoint of kind hnsw crash, hang or take memory beyond the file's size,
// and what opens can be searched and grown. Method: edits of a valid file with its checksums made right, and
// raw bytes.
#include <cstddef>
#include <cstdint>

#include "tests/fuzz/checkpoint_mutator.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  kith::fuzz::open_mutated("hnsw", {data, size});
  return 0;
}
