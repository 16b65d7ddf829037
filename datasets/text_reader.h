// What JSONL and CSV have in common: rows of varying length that a parser makes from the stream, the first of
// which fixes the dimension and whether there are ids.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "datasets/json_text.h"
#include "datasets/open.h"

namespace kith {

class RowParser {
 public:
  virtual ~RowParser() = default;
  /// The next row; none at the end. Errors name file, line and byte.
  virtual Result<std::optional<JsonRow>> next() = 0;
  /// Where the row that next() gave last is, e.g. "file 'x': line 3 at byte 120".
  virtual std::string place() const = 0;
  virtual uint64_t bytes_read() const = 0;
};

/// Reads the first row at once, and passes over first_row rows.
ReaderResult make_text_reader(std::unique_ptr<RowParser> parser, const std::string& path, uint64_t file_bytes,
                              const ReaderOptions& options);

}  // namespace kith
