// Requests checked before anything is queued or read. Every refusal is an InvalidArgument that names the
// field, the value and the bounds, and has changed nothing. Limits come from limits.h.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "query/columns/payload_values.h"
#include "query/types.h"

namespace kith {

/// `what` is "collection" or the like, for the message.
Result<void> validate_name(std::string_view what, std::string_view name);
/// Also asks the index kinds whether they take the metric, type and options.
Result<void> validate_schema(const Schema& schema);

/// The position of a field; "" is the only field of a schema that has one.
Result<uint8_t> find_field(const Schema& schema, std::string_view name);

/// A point ready to be written; views point into the Point.
struct CheckedPoint {
  std::string id_key;
  uint16_t fields = 0;                                        // bit i: field i has a vector
  std::vector<std::pair<uint8_t, const std::byte*>> vectors;  // field, elements
  std::string_view payload;
  LabelSet labels;       // as far as the schema declares some
  PayloadValues values;  // of the payload, once the batch is admitted: they may take more than it
  uint64_t expires_at_ms = 0;
};
struct CheckedBatch {
  std::vector<CheckedPoint> points;
  size_t bytes = 0;
};
Result<CheckedBatch> validate_points(const Schema& schema, std::span<const Point> points);
/// The same of points that were made from stored ones, each id once: an error names the point by its id.
Result<CheckedBatch> validate_patched(const Schema& schema, std::span<const Point> points);
/// As limits count it.
size_t point_bytes(const Point& point);
/// As far as it can be told without the point: what it is applied to is validated as patched.
Result<void> validate_patch(const Schema& schema, const Patch& patch);
/// Id keys, in order.
Result<std::vector<std::string>> validate_updates(const Schema& schema, std::span<const PointUpdate> updates);
/// Id keys, in order.
Result<std::vector<std::string>> validate_ids(std::span<const Id> ids);

/// In (0, 1].
Result<void> validate_recall_target(double target);
/// Among how many of the nearest a query with `diversity` chooses.
uint32_t diversity_candidates(const Query& query);
/// A path of the payload; `what` is what to call it.
Result<void> validate_path(std::string_view what, const FilterPath& path);

/// The vector of a query: its size, and that its elements are sound.
Result<void> check_query_vector(const VectorField& field, std::span<const std::byte> data);
/// A query's field, after all its numbers and its vector were found good.
Result<uint8_t> validate_query(const Schema& schema, const Query& query);
Result<uint8_t> validate_range_query(const Schema& schema, const RangeQuery& query);
Result<void> validate_facet(const FacetQuery& query);
Result<void> validate_ordered(const OrderedScroll& request);

}  // namespace kith
