#include "query/collection/field_index.h"

#include <algorithm>
#include <cstring>

#include "base/log.h"
#include "index/registry.h"

namespace kith {
namespace {

constexpr size_t kGatherBytes =
    256u << 10;  // stays in the L2 cache between gathering and the index's own copy

}  // namespace

Result<std::unique_ptr<FieldIndex>> FieldIndex::create(std::string collection, const VectorField& field,
                                                       ThreadPool* pool, const std::string& directory) {
  IndexSpec spec;
  spec.kind = field.index;
  spec.metric = field.metric;
  spec.type = field.type;
  spec.dim = field.dim;
  spec.options = field.options;
  spec.pool = pool;
  spec.fs = &posix_file_system();
  spec.directory = directory;
  const IndexKind* kind = TRY(find_index_kind(field.index));
  std::unique_ptr<Index> index = TRY(create_index(spec));
  return std::unique_ptr<FieldIndex>(new FieldIndex(std::move(collection), field, *kind, std::move(index)));
}

void FieldIndex::add(std::span<const Row> rows, std::span<const std::byte* const> vectors) {
  const size_t width = vector_bytes(field_.type, field_.dim);
  const size_t chunk = std::max<size_t>(1, kGatherBytes / width);
  std::vector<std::byte> gathered(std::min(chunk, rows.size()) * width);
  for (size_t at = 0; at < rows.size() && usable(); at += chunk) {
    const size_t count = std::min(chunk, rows.size() - at);
    for (size_t i = 0; i < count; ++i) std::memcpy(gathered.data() + i * width, vectors[at + i], width);
    const auto added =
        index_->add(rows.subspan(at, count), {gathered.data(), field_.type, field_.dim, count});
    if (!added.ok()) give_up(added.error());
  }
}

void FieldIndex::remove(Row row) {
  if (!usable()) return;
  if (auto removed = index_->remove(row); !removed.ok()) give_up(removed.error());
}

void FieldIndex::give_up(const Error& error) {
  usable_.store(false, std::memory_order_release);
  log_error(
      "index cannot follow the writes: its field is answered by exact scan until the directory is opened "
      "anew",
      {{"collection", collection_}, {"field", field_.name}, {"error", error.message}});
}

}  // namespace kith
