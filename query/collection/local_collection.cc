#include "query/collection/local_collection.h"

#include <random>

#include "query/schema/validate.h"
#include "query/schema/vector_check.h"

namespace kith {
namespace {

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
      ids_(std::random_device{}()) {}

Result<std::shared_ptr<LocalCollection>> LocalCollection::open(std::shared_ptr<Engine> engine,
                                                               CollectionNumber number, std::string name,
                                                               Schema schema) {
  auto collection =
      std::make_shared<LocalCollection>(std::move(engine), number, std::move(name), std::move(schema));
  for (const VectorField& field : collection->schema_.vectors)
    collection->fields_.push_back(TRY(FieldIndex::create(collection->name_, field, &collection->engine_->pool,
                                                         collection->engine_->directory)));
  TRY(collection->replay());
  return collection;
}

Result<void> LocalCollection::check_alive() const {
  if (!dropped_.load()) return {};
  return not_found("collection '{}' was dropped", name_);
}

Result<void> LocalCollection::settle(const Stop& stop) {
  TRY(check_alive());
  for (const std::unique_ptr<FieldIndex>& field : fields_)
    if (field->usable() && field->kind().settle != nullptr) TRY(field->kind().settle(field->index(), stop));
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
  return field.kind().learn(field.index(), queries, stop);
}

CollectionInfo LocalCollection::info() const {
  CollectionInfo info;
  info.name = name_;
  {
    std::shared_lock lock(state_mutex_);
    info.points = ids_.size();
    info.sequence = sequence_;
  }
  for (const std::unique_ptr<FieldIndex>& field : fields_)
    info.fields.push_back({field->field(), field->index().stats(), field->index().memory()});
  return info;
}

}  // namespace kith
