// Goal: what `kith load` holds of its files is bounded by bytes, however long the payloads are, and every
// point keeps its payload and its place. Method: short vectors beside long payloads, in the file and in
// --attributes, read to the end in pieces.
#include "server/cli/row_points.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/result_matchers.h"
#include "tests/support/temp_dir.h"

namespace kith::test {
namespace {

constexpr size_t kRows = 60;
constexpr size_t kPayloadBytes = 100'000;
constexpr size_t kPieceBytes = (size_t{1} << 20) + kPayloadBytes + 1'000;

std::string payload(size_t row) {
  return "{\"text\":\"" + std::string(kPayloadBytes, static_cast<char>('a' + row % 26)) + "\"}";
}

class CliRowPoints : public testing::Test {
 protected:
  Result<std::unique_ptr<RowPoints>> open(const std::string& file, const std::string& attributes) {
    v1::VectorField field;
    field.set_name("vector");
    field.set_dim(1);
    field.set_metric(v1::METRIC_L2);
    field.set_type(v1::SCALAR_TYPE_F32);
    RowSource rows = TRY(RowSource::open({file}, {}, UINT64_MAX));
    PointBuilder builder = TRY(PointBuilder::open(field, 500));
    std::optional<AttributeFile> beside;
    if (!attributes.empty()) beside = TRY(AttributeFile::open(attributes));
    return std::make_unique<RowPoints>(std::move(rows), std::move(builder), std::move(beside), true);
  }

  void read_through(RowPoints& points, const std::string& file) {
    size_t row = 0;
    for (;;) {
      ASSERT_VALUE(piece, points.next());
      if (piece.empty()) break;
      size_t bytes = 0;
      for (size_t i = 0; i < piece.size(); ++i, ++row) {
        ASSERT_EQ(piece[i].id().number(), 500 + row);
        ASSERT_EQ(piece[i].payload(), payload(row)) << row;
        ASSERT_EQ(points.place(i), "'" + file + "' row " + std::to_string(row));
        bytes += piece[i].ByteSizeLong();
      }
      EXPECT_LE(bytes, kPieceBytes) << piece.size() << " points up to row " << row;
    }
    EXPECT_EQ(row, kRows);
  }

  TempDir home_;
};

TEST_F(CliRowPoints, of_payloads_in_the_file) {
  std::string text;
  for (size_t row = 0; row < kRows; ++row) text += "{\"vector\":[1],\"payload\":" + payload(row) + "}\n";
  const std::string file = home_ / "a.jsonl";
  write_bytes(file, text);
  ASSERT_VALUE(points, open(file, ""));
  read_through(*points, file);
}

TEST_F(CliRowPoints, of_attributes) {
  std::string vectors;
  std::string text;
  for (size_t row = 0; row < kRows; ++row) {
    vectors += std::string("\x01\0\0\0", 4) + std::string("\0\0\x80\x3f", 4);
    text += payload(row) + "\n";
  }
  const std::string file = home_ / "a.fvecs";
  write_bytes(file, vectors);
  write_bytes(home_ / "attributes.jsonl", text);
  ASSERT_VALUE(points, open(file, home_ / "attributes.jsonl"));
  read_through(*points, file);

  write_bytes(home_ / "more.jsonl", text + "{}\n");
  ASSERT_VALUE(others, open(file, home_ / "more.jsonl"));
  Result<std::vector<v1::Point>> piece = others->next();
  while (piece.ok() && !piece->empty()) piece = others->next();
  EXPECT_ERROR(piece, Code::kInvalidArgument, "more lines (line 61)");
}

}  // namespace
}  // namespace kith::test
