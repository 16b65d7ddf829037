// RowSource: the rows of several files one after another, numbered through, for `kith load`.
//
// All files are opened and their dimensions compared before the first row is given, so a bad one among them
// is found before anything is written. Used by one thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "datasets/reader.h"

namespace kith {

class RowSource {
 public:
  /// Gives at most `limit` rows in all.
  static Result<RowSource> open(std::vector<std::string> files, const ReaderOptions& options, uint64_t limit);

  /// Of the first file.
  const ReaderInfo& info() const { return first_; }
  /// Rows of all files, limit applied; none where a file does not say.
  std::optional<uint64_t> rows() const { return rows_; }

  /// Goes on at global row `row` (only once, before next). Rows past the end are no error: next gives none.
  Result<void> start_at(uint64_t row);
  /// Up to `rows` rows of one file; first_row is global. count 0 at the end.
  Result<ReadBatch> next(size_t rows);
  /// The file of the last batch, and its first row's number there: for messages.
  const std::string& file() const { return files_[file_]; }
  uint64_t row_in_file() const { return row_in_file_; }

  uint64_t bytes_read() const;
  uint64_t file_bytes() const { return file_bytes_; }

 private:
  RowSource() = default;
  Result<void> open_file(uint64_t first_row);

  std::vector<std::string> files_;
  std::vector<ReaderInfo> infos_;
  ReaderOptions options_;
  uint64_t limit_ = 0;
  ReaderInfo first_;
  std::optional<uint64_t> rows_;
  uint64_t file_bytes_ = 0;

  size_t file_ = 0;                       // the one being read
  std::unique_ptr<VectorReader> reader_;  // of it; null before it is opened and after the last
  uint64_t bytes_before_ = 0;             // of files done with
  uint64_t row_ = 0;                      // global number of the next row
  uint64_t row_in_file_ = 0;
  uint64_t next_in_file_ = 0;
  bool ended_ = false;
};

}  // namespace kith
