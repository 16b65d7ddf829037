// CSV (RFC 4180): a header, then records. The vector is one column of "[..]" or the columns v0, v1, ... vn;
// `id` is the id; every other column becomes a payload field: a bare JSON number or true/false stays one, all
// else is a string, an empty cell is left out.
#include <charconv>
#include <cmath>
#include <limits>

#include "datasets/lines.h"
#include "datasets/text_reader.h"

namespace kith {
namespace {

constexpr size_t kColumnsMax = kReaderDimMax + 4096;

// Records, whose quoted cells may hold commas, quotes ("") and line ends.
class CsvRecords {
 public:
  explicit CsvRecords(std::unique_ptr<InputStream> stream)
      : path_(stream->path()), lines_(std::move(stream)) {}

  /// The cells of the next record; none at the end. Blank lines between records are passed over.
  Result<std::optional<std::vector<std::string>>> next() {
    std::optional<std::string_view> line = TRY(lines_.next_line());
    while (line && is_blank(*line)) line = TRY(lines_.next_line());
    if (!line) return std::optional<std::vector<std::string>>();
    record_line_ = lines_.line_number();
    record_offset_ = lines_.line_offset();
    cells_.clear();
    cell_.clear();
    quoted_ = false;
    record_bytes_ = 0;
    for (;;) {
      TRY(scan(*line));
      if (!quoted_) break;
      line = TRY(lines_.next_line());
      if (!line) return corruption("{}: a quote is not closed before the end of the file", place());
      cell_ += '\n';
    }
    TRY(end_cell());
    return std::optional(std::move(cells_));
  }

  std::string place() const {
    return fmt::format("file '{}': line {} at byte {}", path_, record_line_, record_offset_);
  }
  uint64_t bytes_read() const { return lines_.bytes_read(); }

 private:
  Result<void> scan(std::string_view line) {
    record_bytes_ += line.size() + 1;
    if (record_bytes_ > kLineBytesMax)
      return invalid_argument("{}: the record is longer than {} bytes", place(), kLineBytesMax);
    for (size_t i = 0; i < line.size(); ++i) {
      const char c = line[i];
      if (quoted_ && c == '"' && i + 1 < line.size() && line[i + 1] == '"') {
        cell_ += '"';
        ++i;
      } else if (c == '"' && (quoted_ || cell_.empty())) {
        quoted_ = !quoted_;
      } else if (c == ',' && !quoted_) {
        TRY(end_cell());
      } else if (c == '\r' && !quoted_ && i + 1 == line.size()) {
        break;  // of the CR LF that ends the record; within quotes it is the cell's
      } else {
        cell_ += c;
      }
    }
    return {};
  }

  Result<void> end_cell() {
    if (cells_.size() == kColumnsMax)
      return invalid_argument("{}: more than {} columns", place(), kColumnsMax);
    cells_.push_back(std::move(cell_));
    cell_.clear();
    return {};
  }

  std::string path_;
  LineReader lines_;
  std::vector<std::string> cells_;
  std::string cell_;
  bool quoted_ = false;
  size_t record_bytes_ = 0;
  uint64_t record_line_ = 0;
  uint64_t record_offset_ = 0;
};

struct Columns {
  static constexpr size_t kNone = std::numeric_limits<size_t>::max();
  std::vector<std::string> names;
  size_t id = kNone;
  size_t vector = kNone;         // one column of "[..]", or
  std::vector<size_t> elements;  // v0, v1, ...
  std::vector<size_t> payload;
};

// The number of "v12"; none for other names.
std::optional<uint32_t> element_number(std::string_view name) {
  if (name.size() < 2 || name[0] != 'v' || (name.size() > 2 && name[1] == '0')) return std::nullopt;
  uint32_t number = 0;
  const auto parsed = std::from_chars(name.data() + 1, name.data() + name.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != name.data() + name.size()) return std::nullopt;
  return number;
}

Result<Columns> read_columns(std::vector<std::string> names, const std::string& place,
                             const ReaderOptions& options) {
  Columns columns;
  columns.names = std::move(names);
  for (size_t i = 0; i < columns.names.size(); ++i) {
    const std::string& name = columns.names[i];
    const std::optional<uint32_t> element = element_number(name);
    if (name == options.id_field) {
      columns.id = i;
    } else if (name == options.vector_field) {
      columns.vector = i;
    } else if (element && *element == columns.elements.size()) {
      columns.elements.push_back(i);
    } else if (element && *element < kReaderDimMax) {
      return invalid_argument("{}: column {} is '{}', where v{} was expected: v0, v1, ... must be in order",
                              place, i, name, columns.elements.size());
    } else {
      columns.payload.push_back(i);
    }
  }
  if ((columns.vector == Columns::kNone) == columns.elements.empty())
    return invalid_argument("{}: the header must have either a column '{}' or columns v0, v1, ...", place,
                            options.vector_field);
  if (columns.elements.size() > kReaderDimMax)
    return invalid_argument("{}: more than {} elements", place, kReaderDimMax);
  return columns;
}

class CsvParser final : public RowParser {
 public:
  CsvParser(std::unique_ptr<InputStream> stream, const ReaderOptions& options)
      : records_(std::move(stream)), json_(options.id_field, options.vector_field) {}

  Result<void> read_header(const ReaderOptions& options) {
    std::optional<std::vector<std::string>> names = TRY(records_.next());
    if (!names) return invalid_argument("a CSV file must begin with a header line, this one is empty");
    columns_ = TRY(read_columns(std::move(*names), records_.place(), options));
    return {};
  }

  Result<std::optional<JsonRow>> next() override {
    std::optional<std::vector<std::string>> cells = TRY(records_.next());
    if (!cells) return std::optional<JsonRow>();
    if (cells->size() != columns_.names.size())
      return invalid_argument("{}: {} cells, the header has {} columns", place(), cells->size(),
                              columns_.names.size());
    JsonRow row;
    if (columns_.id != Columns::kNone) row.id = parse_id((*cells)[columns_.id]);
    row.vector =
        TRY(columns_.elements.empty() ? vector_cell((*cells)[columns_.vector]) : element_cells(*cells));
    row.payload = payload(*cells);
    return std::optional<JsonRow>(std::move(row));
  }
  std::string place() const override { return records_.place(); }
  uint64_t bytes_read() const override { return records_.bytes_read(); }

 private:
  // Digits without a leading zero are a number, so that "007" and "7" stay two ids.
  static FileId parse_id(std::string& cell) {
    uint64_t number = 0;
    const auto parsed = std::from_chars(cell.data(), cell.data() + cell.size(), number);
    const bool digits = parsed.ec == std::errc() && parsed.ptr == cell.data() + cell.size();
    if (digits && (cell.size() == 1 || cell[0] != '0')) return number;
    return std::move(cell);
  }

  Result<std::vector<float>> vector_cell(const std::string& cell) {
    Result<std::vector<float>> vector = json_.parse_vector(cell);
    if (vector.ok()) return vector;
    return invalid_argument("{}: column '{}' {}", place(), columns_.names[columns_.vector],
                            vector.error().message);
  }

  Result<std::vector<float>> element_cells(const std::vector<std::string>& cells) const {
    std::vector<float> vector;
    vector.reserve(columns_.elements.size());
    for (const size_t column : columns_.elements) {
      const std::string& cell = cells[column];
      float value = 0;
      const auto parsed = std::from_chars(cell.data(), cell.data() + cell.size(), value);
      if (parsed.ec != std::errc() || parsed.ptr != cell.data() + cell.size())
        return invalid_argument("{}: column '{}' is '{}', not a number f32 can hold", place(),
                                columns_.names[column], cell.substr(0, 40));
      vector.push_back(value);
    }
    return vector;
  }

  std::string payload(const std::vector<std::string>& cells) {
    std::string object;
    for (const size_t column : columns_.payload) {
      const std::string& cell = cells[column];
      if (cell.empty()) continue;
      object += object.empty() ? '{' : ',';
      append_json_string(object, columns_.names[column]);
      object += ':';
      if (json_.is_bare_value(cell)) {
        object += cell;
      } else {
        append_json_string(object, cell);
      }
    }
    if (!object.empty()) object += '}';
    return object;
  }

  CsvRecords records_;
  JsonRowParser json_;
  Columns columns_;
};

}  // namespace

ReaderResult make_csv_reader(std::unique_ptr<InputStream> stream, const ReaderOptions& options) {
  const std::string path = stream->path();
  const uint64_t file_bytes = stream->file_bytes();
  auto parser = std::make_unique<CsvParser>(std::move(stream), options);
  TRY(parser->read_header(options));
  return make_text_reader(std::move(parser), path, file_bytes, options);
}

}  // namespace kith
