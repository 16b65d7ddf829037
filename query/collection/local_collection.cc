#include "query/collection/local_collection.h"

#include <random>

#include "query/recall/recall_ledger.h"
#include "query/schema/validate.h"
#include "query/schema/vector_check.h"

namespace kith {
namespace {

constexpr uint64_t kPointBytes = 64;  // of a point's id, both ways
constexpr size_t kGroupBytesMax = 16u
                                  << 20;  // bounds memory and how long a small write waits behind large ones

}  // namespace

LocalCollection::LocalCollection(std::shared_ptr<Engine> engine, CollectionNumber number, std::string name,
                                 Schema schema)
    : engine_(std::move(engine)),
      number_(number),
      name_(std::move(name)),
      schema_(std::move(schema)),
      queue_(kGroupBytesMax, [this](std::span<WriteRequest* const> group) { commit(group); }),
      memory_(fmt::format("of collection '{}'", name_), MemoryBudget::kUnlimited, &engine_->memory),
      held_(memory_.none()),
      ids_(std::random_device{}()),
      stamps_(uint64_t{std::random_device{}()} << 32 | std::random_device{}()),
      checkpoints_(engine_->fs, checkpoint_path(engine_->directory, number), number) {}

LocalCollection::~LocalCollection() = default;

Result<std::shared_ptr<LocalCollection>> LocalCollection::open(std::shared_ptr<Engine> engine,
                                                               CollectionNumber number, std::string name,
                                                               Schema schema) {
  auto collection =
      std::make_shared<LocalCollection>(std::move(engine), number, std::move(name), std::move(schema));
  for (const VectorField& field : collection->schema_.vectors) {
    collection->fields_.push_back(
        TRY(FieldIndex::create(collection->name_, collection->schema_, field, *collection->engine_)));
    collection->ledgers_.push_back(std::make_unique<RecallLedger>(collection->name_, field));
  }
  TRY(collection->replay());
  collection->sample_memory();
  return collection;
}

Result<void> LocalCollection::check_alive() const {
  if (!dropped_.load()) return {};
  return not_found("collection '{}' was dropped", name_);
}

Error LocalCollection::no_memory() const {
  return resource_exhausted("collection '{}': no memory for that; reads and writes go on", name_);
}

Result<void> LocalCollection::settle(const Stop& stop) {
  TRY(check_alive());
  for (const std::unique_ptr<FieldIndex>& field : fields_) {
    TRY(wait_for_rebuild(*field, stop));
    if (field->usable() && field->kind().settle != nullptr) TRY(field->kind().settle(*field->index(), stop));
  }
  return {};
}

Result<void> LocalCollection::learn(const std::string& field, VectorBlock queries, const Stop& stop) {
  return while_alive([&] { return learn_alive(field, queries, stop); });
}

Result<void> LocalCollection::learn_alive(const std::string& name, VectorBlock queries, const Stop& stop) {
  const uint8_t position = TRY(find_field(schema_, name));
  FieldIndex& field = *fields_[position];
  const VectorField& spec = field.field();
  if (field.kind().learn == nullptr)
    return invalid_argument("field '{}': indexes of kind {} learn nothing from queries; graphs do", spec.name,
                            field.kind().name);
  if (queries.dim != spec.dim || queries.type != query_type(spec.type))
    return invalid_argument("field '{}': queries are {} of {} dimensions, the field takes {} of {}",
                            spec.name, scalar_name(queries.type), queries.dim,
                            scalar_name(query_type(spec.type)), spec.dim);
  for (size_t i = 0; i < queries.count; ++i)
    if (auto sound = check_elements(queries[i], spec.metric); !sound)
      return invalid_argument("queries[{}]: {}", i, sound.error().message);
  if (!field.usable())
    return failed_precondition("field '{}': its index cannot be asked; open the directory anew", spec.name);
  Result<void> learnt = field.kind().learn(*field.index(), queries, stop);
  unsaved_bytes_.fetch_add(1);
  return learnt;
}

void LocalCollection::limit_memory(uint64_t bytes_max) {
  memory_.set_limit(bytes_max == 0 ? MemoryBudget::kUnlimited : bytes_max);
}

uint64_t LocalCollection::memory_bytes() const {
  uint64_t bytes = 0;
  for (const std::unique_ptr<FieldIndex>& field : fields_) bytes += field->index()->memory().total();
  for (const std::unique_ptr<RecallLedger>& ledger : ledgers_) bytes += ledger->recent().memory_bytes();
  std::shared_lock lock(state_mutex_);
  return bytes + ids_.memory_bytes() + expiries_.memory_bytes() + columns_->memory_bytes();
}

void LocalCollection::sample_memory() {
  std::lock_guard lock(memory_mutex_);
  held_.record(memory_bytes());
}

/// The batch counts by its own bytes and a little for ids; what lists and codes come to is found by the
/// sample after it.
Result<MemoryReservation> LocalCollection::admit(const CheckedBatch& batch, std::string_view what_kind) {
  TRY(engine_->store->health());
  const std::string what = fmt::format("{} of {} points", what_kind, batch.points.size());
  if (const auto room = engine_->disk.admit(batch.bytes); !room.ok())
    return make_error(room.error().code, "collection '{}': {} is refused: {}", name_, what,
                      room.error().message);
  const uint64_t bytes = batch.bytes + batch.points.size() * kPointBytes;
  auto room = memory_.reserve(bytes, what);
  if (!room.ok()) {
    sample_memory();
    room = memory_.reserve(bytes, what);
  }
  if (room.ok()) return room;
  return make_error(room.error().code,
                    "collection '{}': {}: drop what is not needed, or give it more memory; reads and deletes "
                    "go on",
                    name_, room.error().message);
}

CollectionInfo LocalCollection::info() const {
  CollectionInfo info;
  info.name = name_;
  {
    std::shared_lock lock(state_mutex_);
    info.expired = expiries_.expired_rows(engine_->now_ms()).size();
    info.points = ids_.size() - info.expired;
    info.sequence = sequence_;
  }
  info.memory_bytes = memory_bytes();
  info.memory_bytes_max = memory_.limit() == MemoryBudget::kUnlimited ? 0 : memory_.limit();
  info.recall_target = recall_target_;
  for (size_t i = 0; i < fields_.size(); ++i) {
    const FieldIndex& field = *fields_[i];
    info.fields.push_back({field.field(), field.index()->stats(), field.index()->memory(), field.usable(),
                           field.rebuilding(), ledgers_[i]->recall()});
  }
  info.payload = schema_.payload;
  return info;
}

}  // namespace kith
