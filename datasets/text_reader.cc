#include "datasets/text_reader.h"

#include <cstring>

namespace kith {
namespace {

// Payloads and ids have any length, so rows alone bound no memory.
constexpr size_t kBatchBytes = size_t{1} << 20;

size_t bytes_of(const JsonRow& row) {
  const std::string* text = row.id ? std::get_if<std::string>(&*row.id) : nullptr;
  return row.vector.size() * sizeof(float) + row.payload.size() + (text != nullptr ? text->size() : 0);
}

class TextReader final : public VectorReader {
 public:
  TextReader(std::unique_ptr<RowParser> parser, const ReaderOptions& options)
      : parser_(std::move(parser)), left_(options.rows_max) {}

  Result<void> start(const std::string& path, uint64_t file_bytes, uint64_t first_row) {
    info_.path = path;
    info_.file_bytes = file_bytes;
    info_.has_payloads = true;
    pending_ = TRY(parser_->next());
    if (!pending_)
      return invalid_argument("file '{}' has no rows: a first one is needed to know the dimension", path);
    info_.dim = static_cast<uint32_t>(pending_->vector.size());
    info_.has_ids = pending_->id.has_value();
    while (row_ < first_row && pending_) TRY(advance());
    return {};
  }

  const ReaderInfo& info() const override { return info_; }
  uint64_t bytes_read() const override { return parser_->bytes_read(); }

  Result<ReadBatch> next(size_t rows) override {
    ReadBatch batch;
    batch.first_row = row_;
    batch.dim = info_.dim;
    batch.type = info_.type;
    for (size_t held = 0; batch.count < rows && held < kBatchBytes && left_ > 0 && pending_;) {
      held += bytes_of(*pending_);
      const auto bytes = std::as_bytes(std::span(pending_->vector));
      batch.data.insert(batch.data.end(), bytes.begin(), bytes.end());
      if (info_.has_ids) batch.ids.push_back(std::move(*pending_->id));
      batch.payloads.push_back(std::move(pending_->payload));
      batch.expires_at_ms.push_back(pending_->expires_at_ms);
      ++batch.count;
      // A row beyond the last one wanted may be broken without harm.
      if (--left_ > 0) TRY(advance());
    }
    return batch;
  }

 private:
  // Parses the next row into pending_ and checks it against the first.
  Result<void> advance() {
    pending_ = TRY(parser_->next());
    ++row_;
    if (!pending_) return {};
    if (pending_->vector.size() != info_.dim)
      return invalid_argument("{}: vector of dimension {}, the rows before have {}", parser_->place(),
                              pending_->vector.size(), info_.dim);
    if (pending_->id.has_value() != info_.has_ids)
      return invalid_argument("{}: {} an id, the rows before have {}", parser_->place(),
                              info_.has_ids ? "lacks" : "has", info_.has_ids ? "one" : "none");
    return {};
  }

  std::unique_ptr<RowParser> parser_;
  ReaderInfo info_;
  std::optional<JsonRow> pending_;  // row number row_
  uint64_t row_ = 0;
  uint64_t left_;
};

}  // namespace

ReaderResult make_text_reader(std::unique_ptr<RowParser> parser, const std::string& path, uint64_t file_bytes,
                              const ReaderOptions& options) {
  auto reader = std::make_unique<TextReader>(std::move(parser), options);
  TRY(reader->start(path, file_bytes, options.first_row));
  return std::unique_ptr<VectorReader>(std::move(reader));
}

}  // namespace kith
