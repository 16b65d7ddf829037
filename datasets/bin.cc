// fbin, u8bin (Big-ANN-Benchmarks): u32 rows, u32 dimension, then the rows, little-endian.
#include "datasets/packed_reader.h"

namespace kith {

ReaderResult make_bin_reader(std::unique_ptr<InputStream> stream, Element element,
                             const ReaderOptions& options) {
  const uint64_t rows = TRY(stream->number<uint32_t>("the number of rows"));
  const int64_t declared = TRY(stream->number<uint32_t>("the dimension"));
  const uint32_t dim = TRY(checked_dim(declared, stream->path(), 4));
  TRY(check_body_size(*stream, rows, uint64_t{dim} * element_bytes(element)));
  return make_packed_reader(std::move(stream), {element, dim, false, rows}, options);
}

}  // namespace kith
