#include "server/cli/row_points.h"

#include <algorithm>

namespace kith {
namespace {

constexpr size_t kBatchBytes = 1u << 20;

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

Result<void> RowPoints::read() {
  const size_t row_bytes = vector_bytes(source_.info().type, source_.info().dim);
  batch_ = TRY(source_.next(std::clamp<size_t>(kBatchBytes / row_bytes, 1, 4096)));
  given_ = 0;
  if (batch_.count == 0) return attributes_ && whole_ ? attributes_->expect_end() : Result<void>();
  place_ = {source_.file(), source_.row_in_file()};
  return builder_.start(batch_, place_);
}

Result<std::vector<v1::Point>> RowPoints::next() {
  if (given_ == batch_.count) TRY(read());
  std::vector<v1::Point> points;
  first_given_ = given_;
  // Attributes have any length: a batch of short vectors may be given in pieces.
  for (size_t bytes = 0; given_ < batch_.count && bytes < kBatchBytes; ++given_) {
    std::string payload;
    if (attributes_) payload = TRY(attributes_->next());
    points.push_back(builder_.point(given_, std::move(payload)));
    bytes += points.back().ByteSizeLong();
  }
  return points;
}

}  // namespace kith
