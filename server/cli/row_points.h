// RowPoints: files of vectors, with the payloads of --attributes beside them, as points.
#pragma once

#include "server/cli/attributes.h"
#include "server/cli/point_builder.h"
#include "server/cli/point_source.h"
#include "server/cli/row_source.h"

namespace kith {

class RowPoints final : public PointSource {
 public:
  /// `whole`: an error where --attributes has more lines than the files rows.
  RowPoints(RowSource source, PointBuilder builder, std::optional<AttributeFile> attributes, bool whole);
  RowPoints(const RowPoints&) = delete;  // the builder points into it
  RowPoints& operator=(const RowPoints&) = delete;

  std::optional<uint64_t> rows() const override { return source_.rows(); }
  Result<void> start_at(uint64_t row) override;
  Result<std::vector<v1::Point>> next() override;
  std::string place(size_t i) const override { return place_.text(first_given_ + i); }
  uint64_t bytes_read() const override { return source_.bytes_read(); }
  uint64_t file_bytes() const override { return source_.file_bytes(); }
  bool numbered() const override { return !source_.info().has_ids; }

 private:
  Result<void> read();

  RowSource source_;
  PointBuilder builder_;
  std::optional<AttributeFile> attributes_;
  const bool whole_;
  ReadBatch batch_;
  RowPlace place_;          // of batch_
  size_t given_ = 0;        // rows of batch_ that next() gave
  size_t first_given_ = 0;  // the first of them that the last next() gave
};

}  // namespace kith
