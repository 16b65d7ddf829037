#include "query/collection/field_index.h"

#include <algorithm>
#include <cstring>

#include "base/log.h"
#include "index/registry.h"
#include "query/collection/engine.h"
#include "query/schema/labels.h"

namespace kith {
namespace {

constexpr size_t kGatherBytes =
    256u << 10;  // stays in the L2 cache between gathering and the index's own copy

}  // namespace

FieldIndex::FieldIndex(std::string collection, const Schema& schema, const VectorField& field,
                       const IndexKind& kind, Engine& engine)
    : collection_(std::move(collection)),
      field_(field),
      labeled_(takes_labels(schema, field)),
      options_(index_options(schema, field)),
      joins_labels_(labeled_ && kith::joins_labels(options_)),
      kind_(kind),
      engine_(engine) {}

Result<std::unique_ptr<FieldIndex>> FieldIndex::create(std::string collection, const Schema& schema,
                                                       const VectorField& field, Engine& engine) {
  const IndexKind* kind = TRY(find_index_kind(field.index));
  std::unique_ptr<FieldIndex> made(new FieldIndex(std::move(collection), schema, field, *kind, engine));
  made->index_ = TRY(made->make_empty());
  return made;
}

uint64_t FieldIndex::worn() const {
  if (!usable() || rebuilding().has_value()) return 0;
  const IndexStats stats = index()->stats();
  return stats.removed > stats.rows ? stats.removed : 0;
}

std::shared_ptr<Index> FieldIndex::index() const {
  std::lock_guard lock(mutex_);
  return index_;
}

Result<std::unique_ptr<Index>> FieldIndex::make_empty() const {
  IndexSpec spec;
  spec.kind = field_.index;
  spec.metric = field_.metric;
  spec.type = field_.type;
  spec.dim = field_.dim;
  spec.options = options_;
  spec.pool = &engine_.pool;
  spec.fs = &engine_.fs;
  spec.directory = engine_.directory;
  return create_index(spec);
}

Result<std::unique_ptr<Index>> FieldIndex::open(const CheckpointInput& input, uint64_t rows_after) const {
  return kind_.open(input, {&engine_.pool, &engine_.fs, engine_.directory, rows_after});
}

std::shared_ptr<Index> FieldIndex::replace(std::shared_ptr<Index> index, bool saved) {
  {
    std::lock_guard lock(mutex_);
    index_.swap(index);
  }
  saved_.store(saved);
  usable_.store(true, std::memory_order_release);
  return index;
}

std::optional<RebuildProgress> FieldIndex::rebuilding() const {
  std::lock_guard lock(mutex_);
  return rebuilding_;
}

void FieldIndex::set_rebuilding(std::optional<RebuildProgress> progress) {
  std::lock_guard lock(mutex_);
  rebuilding_ = progress;
}

Result<void> FieldIndex::add_to(Index& index, std::span<const Row> rows, VectorBlock vectors,
                                std::span<const LabelSet> labels) const {
  return labeled_ ? kind_.add_labeled(index, rows, vectors, labels) : index.add(rows, vectors);
}

void FieldIndex::Added::clear() {
  rows.clear();
  vectors.clear();
  replaced.clear();
  labels.clear();
}

/// Gathers vectors that lie apart into the blocks that an index takes.
Result<void> FieldIndex::add_scattered(const Added& added) {
  const std::shared_ptr<Index> into = index();
  const std::span<const Row> rows(added.rows);
  const bool replaces = !labeled_ && kind_.add_replacing != nullptr &&
                        std::ranges::any_of(added.replaced, [](Row row) { return row != kNoRow; });
  const size_t width = vector_bytes(field_.type, field_.dim);
  const size_t chunk = std::max<size_t>(1, kGatherBytes / width);
  std::vector<std::byte> gathered(std::min(chunk, rows.size()) * width);
  for (size_t at = 0; at < rows.size(); at += chunk) {
    const size_t count = std::min(chunk, rows.size() - at);
    for (size_t i = 0; i < count; ++i) std::memcpy(gathered.data() + i * width, added.vectors[at + i], width);
    const VectorBlock block{gathered.data(), field_.type, field_.dim, count};
    if (replaces) {
      const auto renamed = TRY(kind_.add_replacing(*into, rows.subspan(at, count), block,
                                                   std::span(added.replaced).subspan(at, count)));
      renamed_.insert(renamed_.end(), renamed.begin(), renamed.end());
      continue;
    }
    const std::span<const LabelSet> labels(added.labels);
    TRY(add_to(*into, rows.subspan(at, count), block, labeled_ ? labels.subspan(at, count) : labels));
  }
  return {};
}

void FieldIndex::add(const Added& added) {
  if (!usable()) return;
  if (const auto done = add_scattered(added); !done.ok()) give_up(done.error());
}

void FieldIndex::finish_add() {
  if (kind_.rename != nullptr) kind_.rename(*index(), renamed_);
  renamed_.clear();
}

void FieldIndex::remove(Row row) {
  if (!usable()) return;
  if (auto removed = index()->remove(row); !removed.ok()) give_up(removed.error());
}

void FieldIndex::give_up(const Error& error) {
  set_unusable();
  log_error(
      "index cannot follow the writes: its field is answered by exact scan until the directory is opened "
      "anew",
      {{"collection", collection_}, {"field", field_.name}, {"error", error.message}});
}

}  // namespace kith
