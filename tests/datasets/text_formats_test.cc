// Goal: JSON lines and CSV give ids, vectors and payloads as written, and broken text is told with its line.
// Method: small texts, each fault once, every prefix of a good file, and random bytes by fixed seeds.
#include <cmath>

#include "base/random.h"
#include "datasets/lines.h"
#include "tests/datasets/reading.h"

namespace kith::test {
namespace {

Result<Rows> read_text(const TempDir& dir, const std::string& name, const std::string& text,
                       const ReaderOptions& options = {}) {
  write_bytes(dir / name, text);
  return read_rows(dir / name, options);
}

TEST(Jsonl, RowsIdsAndPayloads) {
  const TempDir dir;
  ASSERT_VALUE(rows,
               read_text(dir, "a.jsonl",
                         "{\"id\": 18446744073709551615, \"vector\": [1, 2.5], \"payload\": {\"a\": [1]}}\n\n"
                         "{\"vector\": [-1e2, 0], \"id\": \"x\\\"y\", \"n\": 1, \"t\\n\": {\"b\": null}}\r\n"
                         "{\"vector\": [3, 4], \"id\": 7}"));
  EXPECT_EQ(rows.f32(), (std::vector<float>{1, 2.5f, -100, 0, 3, 4}));
  EXPECT_EQ(rows.info.dim, 2u);
  EXPECT_TRUE(rows.info.has_ids);
  ASSERT_EQ(rows.ids.size(), 3u);
  EXPECT_EQ(rows.ids[0], FileId(UINT64_MAX));
  EXPECT_EQ(rows.ids[1], FileId(std::string("x\"y")));
  EXPECT_EQ(rows.payloads,
            (std::vector<std::string>{"{\"a\":[1]}", "{\"n\":1,\"t\\u000a\":{\"b\":null}}", ""}));
}

TEST(Jsonl, FieldNamesSkipAndLimit) {
  const TempDir dir;
  ReaderOptions options;
  options.id_field = "key";
  options.vector_field = "embedding";
  options.first_row = 1;
  options.rows_max = 1;
  // The row after the last one wanted may be broken.
  ASSERT_VALUE(
      rows, read_text(dir, "a.jsonl",
                      "{\"key\": 1, \"embedding\": [1]}\n{\"key\": 2, \"embedding\": [2], \"id\": 5}\nbroken",
                      options));
  EXPECT_EQ(rows.f32(), std::vector<float>{2});
  EXPECT_EQ(rows.ids, std::vector<FileId>{FileId(uint64_t{2})});
  EXPECT_EQ(rows.payloads, std::vector<std::string>{"{\"id\":5}"});
}

TEST(Jsonl, FaultsNameLineAndField) {
  const TempDir dir;
  const std::string good = "{\"id\": 1, \"vector\": [1, 2]}\n";
  const std::pair<const char*, const char*> faults[] = {
      {"{\"id\": 2, \"vector\": [1, 2, 3]}", "line 2 at byte 28: vector of dimension 3"},
      {"{\"vector\": [1, 2]}", "line 2 at byte 28: lacks an id"},
      {"{\"id\": -2, \"vector\": [1, 2]}", "field \"id\" is neither"},
      {"{\"id\": 1.5, \"vector\": [1, 2]}", "field \"id\" is neither"},
      {"{\"id\": 2, \"vector\": [1, \"2\"]}", "field \"vector\" element 1 is not a number"},
      {"{\"id\": 2, \"vector\": [1, 1e39]}", "element 1 is beyond f32"},
      {"{\"id\": 2, \"vector\": []}", "field \"vector\" is empty"},
      {"{\"id\": 2, \"vector\": \"1\"}", "not an array"},
      {"{\"id\": 2}", "no field \"vector\""},
      {"[1, 2]", "not a JSON object"},
      {"{\"id\": 2, \"vector\": [1, 2]", "line 2 at byte 28: is not JSON"},
      {"{\"id\": 2, \"vector\": [1, 2], \"payload\": {}, \"x\": 1}", "both a \"payload\" object and further"},
  };
  for (const auto& [line, message] : faults)
    EXPECT_ERROR(read_text(dir, "a.jsonl", good + line + "\n"), Code::kInvalidArgument, message) << line;
  EXPECT_ERROR(read_text(dir, "a.jsonl", "\n \n"), Code::kInvalidArgument, "no rows");
  EXPECT_ERROR(read_text(dir, "a.jsonl", std::string(kLineBytesMax + 1, ' ') + good), Code::kInvalidArgument,
               "line 1 at byte 0 is longer");
}

TEST(Csv, VectorColumnAndPayload) {
  const TempDir dir;
  ASSERT_VALUE(rows, read_text(dir, "a.csv",
                               "\xef\xbb\xbfid,name,vector,size,ok\r\n"
                               "1,\"Smith, \"\"Jo\"\"\",\"[1, 2.5]\",007,true\r\n"
                               "x7,\"two\nlines\",\"[3,4]\",-1.5e3,\r\n"));
  EXPECT_EQ(rows.f32(), (std::vector<float>{1, 2.5f, 3, 4}));
  EXPECT_EQ(rows.ids, (std::vector<FileId>{FileId(uint64_t{1}), FileId(std::string("x7"))}));
  EXPECT_EQ(rows.payloads[0], "{\"name\":\"Smith, \\\"Jo\\\"\",\"size\":\"007\",\"ok\":true}");
  EXPECT_EQ(rows.payloads[1], "{\"name\":\"two\\u000alines\",\"size\":-1.5e3}");
}

TEST(Csv, QuotedCellsKeepTheirLineEnds) {
  const TempDir dir;
  ASSERT_VALUE(rows, read_text(dir, "a.csv",
                               "id,v0,text\r\n"
                               "1,1,\"para 1\n\n \npara 2\"\n"
                               "\r\n"
                               "2,2,\"a\r\nb\r\n\r\nc\"\r\n"
                               "3,3,\"\r\n\"\r\n"
                               "4,4,plain\r\n"));
  EXPECT_EQ(rows.payloads,
            (std::vector<std::string>{"{\"text\":\"para 1\\u000a\\u000a \\u000apara 2\"}",
                                      "{\"text\":\"a\\u000d\\u000ab\\u000d\\u000a\\u000d\\u000ac\"}",
                                      "{\"text\":\"\\u000d\\u000a\"}", "{\"text\":\"plain\"}"}));
  EXPECT_ERROR(read_text(dir, "a.csv", "v0,text\n1,\"" + std::string(kLineBytesMax, '\n') + "\"\n"),
               Code::kInvalidArgument, "line 2 at byte 8: the record is longer");
}

TEST(Csv, ElementColumns) {
  const TempDir dir;
  ASSERT_VALUE(rows, read_text(dir, "a.csv", "v0,v1,label\n1,2,a\n3,nan,b\n"));
  EXPECT_FALSE(rows.info.has_ids);
  EXPECT_EQ(rows.info.dim, 2u);
  EXPECT_EQ(rows.f32()[2], 3);
  EXPECT_TRUE(std::isnan(rows.f32()[3]));
  EXPECT_EQ(rows.payloads, (std::vector<std::string>{"{\"label\":\"a\"}", "{\"label\":\"b\"}"}));
}

TEST(Csv, FaultsNameLineAndColumn) {
  const TempDir dir;
  const std::pair<const char*, const char*> faults[] = {
      {"", "begin with a header"},
      {"id,name\n1,a\n", "either a column 'vector'"},
      {"vector,v0\n[1],1\n", "either a column 'vector'"},
      {"v0,v2\n1,2\n", "where v1 was expected"},
      {"v0,v1\n1\n", "line 2 at byte 6: 1 cells, the header has 2"},
      {"v0,v1\n1,x\n", "column 'v1' is 'x'"},
      {"v0,v1\n1,\n", "column 'v1' is ''"},
      {"id,vector\n1,2\n", "column 'vector' is not an array"},
      {"id,vector\n1,\"[1]\"\n2,\"[1,2]\"\n", "line 3 at byte 18: vector of dimension 2"},
      {"v0\n", "has no rows"},
  };
  for (const auto& [text, message] : faults)
    EXPECT_ERROR(read_text(dir, "a.csv", text), Code::kInvalidArgument, message) << text;
  EXPECT_ERROR(read_text(dir, "a.csv", "id,vector\n1,\"[1]\n2,3\n"), Code::kCorruption,
               "line 2 at byte 10: a quote");
}

TEST(TextFormats, LongPayloadsAndIdsEndABatch) {
  const TempDir dir;
  const std::string filler(300'000, 'x');
  std::string lines;
  std::string cells = "id,v0,text\n";
  for (int row = 0; row < 9; ++row) {
    const std::string id = std::to_string(row) + filler;
    lines += "{\"id\":\"" + id + "\",\"vector\":[1],\"text\":\"" + filler + "\"}\n";
    cells += id + ",1," + filler + "\n";
  }
  write_bytes(dir / "a.jsonl", lines);
  write_bytes(dir / "a.csv", cells);
  for (const char* name : {"a.jsonl", "a.csv"}) {
    SCOPED_TRACE(name);
    ASSERT_VALUE(reader, open_reader(dir / name, {}));
    for (uint64_t row = 0; row < 9;) {
      ASSERT_VALUE(batch, reader->next(4096));
      EXPECT_EQ(batch.first_row, row);
      // Two rows of 600,000 bytes are more than a MiB.
      ASSERT_EQ(batch.count, row < 8 ? 2u : 1u);
      EXPECT_EQ(batch.ids[0], FileId(std::to_string(row) + filler));
      EXPECT_EQ(batch.payloads[0], "{\"text\":\"" + filler + "\"}");
      row += batch.count;
    }
    ASSERT_VALUE(end, reader->next(4096));
    EXPECT_EQ(end.count, 0u);
  }
}

TEST(TextFormats, EveryCutGivesFewerRowsOrAnError) {
  const TempDir dir;
  const std::pair<std::string, std::string> files[] = {
      {"a.jsonl", "{\"id\": 1, \"vector\": [1, 2]}\n{\"id\": 2, \"vector\": [3, 4], \"x\": \"y\"}\n"},
      {"a.csv", "id,vector,x\n1,\"[1, 2]\",\"a,b\"\n2,\"[3, 4]\",c\n"}};
  for (const auto& [name, text] : files) {
    for (size_t bytes = 0; bytes < text.size(); ++bytes) {
      const Result<Rows> rows = read_text(dir, name, text.substr(0, bytes));
      if (!rows.ok()) continue;
      EXPECT_LE(rows->count, 2u) << name << " " << bytes;
      EXPECT_EQ(rows->f32().size(), rows->count * rows->info.dim);
    }
  }
}

TEST(TextFormats, RandomBytesNeverCrash) {
  const TempDir dir;
  const std::string_view alphabet = "{}[]\":,0123456789.-eE\\\n\r\" vectorid";
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    std::string text = seed % 2 == 0 ? "id,vector,x\n" : "";
    for (size_t i = random.below(200); i > 0; --i) text += alphabet[random.below(alphabet.size())];
    for (const char* name : {"a.jsonl", "a.csv"}) {
      const Result<Rows> rows = read_text(dir, name, text);
      EXPECT_TRUE(!rows.ok() || rows->info.dim > 0);
    }
  }
}

TEST(Lines, NumbersOffsetsAndPacking) {
  const TempDir dir;
  write_bytes(dir / "a.txt.xz", pack_xz("\xef\xbb\xbfone\r\n\n \t\nfour"));
  ASSERT_VALUE(lines, open_lines(dir / "a.txt.xz"));
  ASSERT_VALUE(one, lines.next());
  EXPECT_EQ(one, std::optional<std::string_view>("one"));
  ASSERT_VALUE(four, lines.next());
  EXPECT_EQ(four, std::optional<std::string_view>("four"));
  EXPECT_EQ(lines.line_number(), 4u);
  EXPECT_EQ(lines.line_offset(), 12u);
  ASSERT_VALUE(end, lines.next());
  EXPECT_FALSE(end.has_value());
}

TEST(Lines, RawLinesKeepBlanksAndCarriageReturns) {
  const TempDir dir;
  write_bytes(dir / "a.txt", "\xef\xbb\xbf\r\n\n \nb\r\n");
  ASSERT_VALUE(lines, open_lines(dir / "a.txt"));
  for (const std::string_view expected : {"\r", "", " ", "b\r"}) {
    ASSERT_VALUE(line, lines.next_line());
    EXPECT_EQ(line, std::optional(expected)) << lines.line_number();
  }
  ASSERT_VALUE(end, lines.next_line());
  EXPECT_FALSE(end.has_value()) << "the last LF begins no line";
}

}  // namespace
}  // namespace kith::test
