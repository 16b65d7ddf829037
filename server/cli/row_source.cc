#include "server/cli/row_source.h"

#include <algorithm>

namespace kith {

Result<RowSource> RowSource::open(std::vector<std::string> files, const ReaderOptions& options,
                                  uint64_t limit) {
  RowSource source;
  source.files_ = std::move(files);
  source.options_ = options;
  source.limit_ = limit;
  uint64_t rows = 0;
  bool known = true;
  for (const std::string& file : source.files_) {
    std::unique_ptr<VectorReader> reader = TRY(open_reader(file, options));
    const ReaderInfo& info = reader->info();
    if (!source.infos_.empty() && info.dim != source.infos_[0].dim)
      return invalid_argument("file '{}' has {} dimensions, but '{}' has {}; load them into two collections",
                              file, info.dim, source.files_[0], source.infos_[0].dim);
    if (!source.infos_.empty() && info.has_ids != source.infos_[0].has_ids)
      return invalid_argument("of '{}' and '{}' one has ids and the other not; load them one by one", file,
                              source.files_[0]);
    known = known && info.rows.has_value();
    rows += info.rows.value_or(0);
    source.file_bytes_ += info.file_bytes;
    source.infos_.push_back(info);
  }
  source.first_ = source.infos_[0];
  if (known) source.rows_ = std::min(rows, limit);
  return source;
}

Result<void> RowSource::open_file(uint64_t first_row) {
  ReaderOptions options = options_;
  options.first_row = first_row;
  reader_ = TRY(open_reader(files_[file_], options));
  next_in_file_ = first_row;
  return {};
}

Result<void> RowSource::start_at(uint64_t row) {
  // Whole files are skipped only where they say how long they are; the rest is read over.
  while (file_ < files_.size() && infos_[file_].rows && row - row_ >= *infos_[file_].rows) {
    row_ += *infos_[file_].rows;
    bytes_before_ += infos_[file_].file_bytes;
    if (file_ + 1 == files_.size()) {
      ended_ = true;
      return {};
    }
    ++file_;
  }
  if (infos_[file_].rows) {
    TRY(open_file(row - row_));
    row_ = row;
    return {};
  }
  while (row_ < row) {
    const ReadBatch batch = TRY(next(std::min<uint64_t>(row - row_, 4096)));
    if (batch.count == 0) return {};
  }
  return {};
}

Result<ReadBatch> RowSource::next(size_t rows) {
  rows = static_cast<size_t>(std::min<uint64_t>(rows, limit_ - std::min(limit_, row_)));
  while (!ended_ && rows > 0) {
    if (reader_ == nullptr) TRY(open_file(0));
    ReadBatch batch = TRY(reader_->next(rows));
    if (batch.count > 0) {
      row_in_file_ = next_in_file_;
      next_in_file_ += batch.count;
      batch.first_row = row_;
      row_ += batch.count;
      return batch;
    }
    bytes_before_ += infos_[file_].file_bytes;
    reader_.reset();
    if (file_ + 1 == files_.size()) {
      ended_ = true;
    } else {
      ++file_;
    }
  }
  return ReadBatch{};
}

uint64_t RowSource::bytes_read() const {
  return bytes_before_ + (reader_ == nullptr ? 0 : reader_->bytes_read());
}

}  // namespace kith
