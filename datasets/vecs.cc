// fvecs, bvecs, ivecs (texmex corpus, http://corpus-texmex.irisa.fr): per row a little-endian int32
// dimension, then that many f32, u8 or int32. All rows have the first one's dimension.
#include "datasets/packed_reader.h"

namespace kith {

// The first row's dimension fixes the row size, but belongs to that row: a peek, not a read.
static Result<uint32_t> peek_dim(InputStream& stream) {
  const std::span<const std::byte> ready = TRY(stream.peek(4));
  if (ready.empty())
    return invalid_argument("file '{}' is empty: a first row is needed to know the dimension", stream.path());
  if (ready.size() < 4)
    return corruption("file '{}' is cut short: {} bytes, not even a dimension", stream.path(), ready.size());
  return checked_dim(load_le<int32_t>(ready.data()), stream.path(), 0);
}

ReaderResult make_vecs_reader(std::unique_ptr<InputStream> stream, Element element,
                              const ReaderOptions& options) {
  PackedLayout layout{element, TRY(peek_dim(*stream)), true, std::nullopt};
  if (stream->size()) {
    const uint64_t row_bytes = 4 + uint64_t{layout.dim} * element_bytes(element);
    layout.rows = *stream->size() / row_bytes;
    if (*stream->size() % row_bytes != 0)
      return corruption(
          "file '{}' is cut short or has rows of several dimensions: {} bytes are not whole rows of {} "
          "(dimension {}); {} bytes follow byte {}",
          stream->path(), *stream->size(), row_bytes, layout.dim, *stream->size() % row_bytes,
          *layout.rows * row_bytes);
  }
  return make_packed_reader(std::move(stream), layout, options);
}

}  // namespace kith
