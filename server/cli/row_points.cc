#include "server/cli/row_points.h"

#include <algorithm>

namespace kith {
namespace {

constexpr size_t kReadBytes = 1u << 20;

}  // namespace

RowPoints::RowPoints(RowSource source, PointBuilder builder, std::optional<AttributeFile> attributes,
                     bool whole)
    : source_(std::move(source)),
      builder_(std::move(builder)),
      attributes_(std::move(attributes)),
      whole_(whole) {}

Result<void> RowPoints::start_at(uint64_t row) {
  TRY(source_.start_at(row));
  if (attributes_) TRY(attributes_->skip(row));
  return {};
}

Result<std::vector<v1::Point>> RowPoints::next() {
  const size_t row_bytes = vector_bytes(source_.info().type, source_.info().dim);
  const ReadBatch batch = TRY(source_.next(std::clamp<size_t>(kReadBytes / row_bytes, 1, 4096)));
  std::vector<v1::Point> points;
  if (batch.count == 0) {
    if (attributes_ && whole_) TRY(attributes_->expect_end());
    return points;
  }
  place_ = {source_.file(), source_.row_in_file()};
  TRY(builder_.start(batch, place_));
  points.reserve(batch.count);
  for (size_t i = 0; i < batch.count; ++i) {
    std::string payload;
    if (attributes_) payload = TRY(attributes_->next());
    points.push_back(builder_.point(i, std::move(payload)));
  }
  return points;
}

}  // namespace kith
