// JSON lines: one object a line with a vector, perhaps an id, and a payload: either the object "payload" or
// all further fields. Blank lines are passed over.
#include "datasets/lines.h"
#include "datasets/text_reader.h"

namespace kith {
namespace {

class JsonLineParser final : public RowParser {
 public:
  JsonLineParser(std::unique_ptr<InputStream> stream, const ReaderOptions& options)
      : path_(stream->path()), lines_(std::move(stream)), parser_(options.id_field, options.vector_field) {}

  Result<std::optional<JsonRow>> next() override {
    const std::optional<std::string_view> line = TRY(lines_.next());
    if (!line) return std::optional<JsonRow>();
    Result<JsonRow> row = parser_.parse(*line);
    if (!row.ok()) return make_error(row.error().code, "{}: {}", place(), row.error().message);
    return std::optional<JsonRow>(std::move(row).value());
  }
  std::string place() const override {
    return fmt::format("file '{}': line {} at byte {}", path_, lines_.line_number(), lines_.line_offset());
  }
  uint64_t bytes_read() const override { return lines_.bytes_read(); }

 private:
  std::string path_;
  LineReader lines_;
  JsonRowParser parser_;
};

}  // namespace

ReaderResult make_jsonl_reader(std::unique_ptr<InputStream> stream, const ReaderOptions& options) {
  const std::string path = stream->path();
  const uint64_t file_bytes = stream->file_bytes();
  return make_text_reader(std::make_unique<JsonLineParser>(std::move(stream), options), path, file_bytes,
                          options);
}

}  // namespace kith
