// PointBuilder: rows of a file as points of kith.v1, in the field's stored type, checked, with ids and
// payloads.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "datasets/reader.h"
#include "kith.pb.h"

namespace kith {

/// Where a batch of rows comes from, for messages.
struct RowPlace {
  std::string file;
  uint64_t first_row = 0;  // in the file

  std::string text(size_t i) const { return fmt::format("'{}' row {}", file, first_row + i); }
};

class PointBuilder {
 public:
  /// Rows without an id of their own get `id_start` + their global row number.
  static Result<PointBuilder> open(const v1::VectorField& field, uint64_t id_start);

  /// Converts a whole batch; NaN, infinity and values that the type cannot hold are InvalidArgument naming
  /// file, row and dimension. `batch` must outlive the calls of point().
  Result<void> start(ReadBatch& batch, const RowPlace& place);
  /// Once for each row: takes the row's payload out of the batch where `payload` is empty.
  v1::Point point(size_t i, std::string payload);

 private:
  PointBuilder() = default;
  Result<void> convert(const RowPlace& place);

  v1::VectorField field_;
  ScalarType type_ = ScalarType::kF32;
  uint64_t id_start_ = 0;
  ReadBatch* batch_ = nullptr;
  std::vector<std::byte> converted_;    // where the file's type is not the field's
  const std::byte* vectors_ = nullptr;  // in the field's type, packed
};

}  // namespace kith
