#include "bench/recovery/workload.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace kith::bench {

Schema Workload::schema() const {
  VectorField field;
  field.dim = set_.base.dim;
  field.metric = set_.metric;
  return Schema{{field}};
}

std::vector<Point> Workload::batch(uint64_t number) const {
  const uint64_t first = number % batches_per_pass() * kBatchRows;
  std::vector<Point> points;
  for (uint64_t id = first; id < std::min(first + kBatchRows, rows()); ++id)
    points.push_back(point(number, id));
  return points;
}

Point Workload::point_after(uint64_t batches, uint64_t id) const {
  const uint64_t in_pass = id / kBatchRows;
  const uint64_t passes = (batches - in_pass - 1) / batches_per_pass();  // whole ones before its last batch
  return point(passes * batches_per_pass() + in_pass, id);
}

Point Workload::point(uint64_t batch, uint64_t id) const {
  const VectorView row = set_.base[id];
  Point point;
  point.id = id;
  point.payload = fmt::format("{{\"batch\":{}}}", batch);
  FieldVector& vector = point.vectors.emplace_back();
  vector.data.assign(row.data, row.data + row.bytes());
  const uint64_t pass = batch / batches_per_pass();
  const size_t moved = (id + pass) % set_.base.dim * sizeof(float);
  float value = 0;
  std::memcpy(&value, &vector.data[moved], sizeof(value));
  value += static_cast<float>(pass);
  std::memcpy(&vector.data[moved], &value, sizeof(value));
  return point;
}

uint64_t Workload::raw_bytes() const {
  uint64_t bytes = 0;
  for (uint64_t id = 0; id < rows(); ++id) {
    const Point held = point_after(batches_per_pass(), id);
    bytes += held.vectors[0].data.size() + held.payload.size();
  }
  return bytes;
}

}  // namespace kith::bench
