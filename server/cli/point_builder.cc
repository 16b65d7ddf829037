#include "server/cli/point_builder.h"

#include <cmath>
#include <cstring>

#include "server/cli/id_text.h"
#include "server/cli/wire.h"

namespace kith {
namespace {

Result<void> check_finite(const ReadBatch& batch, const RowPlace& place) {
  if (batch.type != ScalarType::kF32) return {};
  for (size_t i = 0; i < batch.count * batch.dim; ++i) {
    float value;
    std::memcpy(&value, batch.data.data() + i * sizeof value, sizeof value);
    if (!std::isfinite(value))
      return invalid_argument("{}: dimension {} is {}; vectors must be finite", place.text(i / batch.dim),
                              i % batch.dim, value);
  }
  return {};
}

}  // namespace

Result<PointBuilder> PointBuilder::open(const v1::VectorField& field, uint64_t id_start) {
  PointBuilder builder;
  builder.field_ = field;
  builder.type_ = TRY(type_of(field));
  builder.id_start_ = id_start;
  return builder;
}

Result<void> PointBuilder::start(ReadBatch& batch, const RowPlace& place) {
  batch_ = &batch;
  if (batch.dim != field_.dim())
    return invalid_argument("{}: {} dimensions, but field '{}' has {}", place.text(0), batch.dim,
                            field_.name(), field_.dim());
  if (batch.ids.empty() && batch.count > 0 && batch.first_row + (batch.count - 1) > UINT64_MAX - id_start_)
    return invalid_argument("--id-start: {} plus row {} is past 2^64-1", id_start_, batch.first_row);
  TRY(check_finite(batch, place));
  if (batch.type == type_) {
    vectors_ = batch.data.data();
    return {};
  }
  TRY(convert(place));
  vectors_ = converted_.data();
  return {};
}

Result<void> PointBuilder::convert(const RowPlace& place) {
  const size_t bytes = vector_bytes(type_, batch_->dim);
  converted_.resize(batch_->count * bytes);
  std::vector<float> floats(batch_->dim);
  for (size_t i = 0; i < batch_->count; ++i) {
    to_f32(batch_->block()[i].data, floats.size(), batch_->type, floats.data());
    auto packed = from_f32(floats.data(), floats.size(), type_, converted_.data() + i * bytes);
    if (!packed.ok()) return make_error(packed.error().code, "{}: {}", place.text(i), packed.error().message);
  }
  return {};
}

v1::Point PointBuilder::point(size_t i, std::string payload) {
  v1::Point point;
  *point.mutable_id() =
      batch_->ids.empty() ? id_of_number(id_start_ + batch_->first_row + i) : id_of_file(batch_->ids[i]);
  v1::Vector& vector = *point.add_vectors();
  vector.set_field(field_.name());
  const size_t bytes = vector_bytes(type_, field_.dim());
  vector.set_data(vectors_ + i * bytes, bytes);
  if (!batch_->expires_at_ms.empty()) point.set_expires_at_ms(batch_->expires_at_ms[i]);
  if (!payload.empty()) {
    point.set_payload(std::move(payload));
  } else if (!batch_->payloads.empty()) {
    point.set_payload(std::move(batch_->payloads[i]));
  }
  return point;
}

}  // namespace kith
