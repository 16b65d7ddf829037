#include "datasets/lines.h"

#include <cstring>

#include "datasets/input_stream.h"
#include "datasets/open.h"

namespace kith {

LineReader::LineReader(std::unique_ptr<InputStream> stream) : stream_(std::move(stream)) {}
LineReader::~LineReader() = default;
LineReader::LineReader(LineReader&&) noexcept = default;
LineReader& LineReader::operator=(LineReader&&) noexcept = default;

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

uint64_t LineReader::bytes_read() const {
  return stream_->file_bytes_read();
}

// One line into line_, its LF consumed and left out; false at the end of the file.
Result<bool> LineReader::read_line() {
  line_.clear();
  line_offset_ = stream_->offset();
  if (TRY(stream_->at_end())) return false;
  ++line_number_;
  for (;;) {
    const std::span<const std::byte> ready = TRY(stream_->peek());
    if (ready.empty()) return true;
    const auto* feed = static_cast<const std::byte*>(std::memchr(ready.data(), '\n', ready.size()));
    const size_t bytes = feed != nullptr ? static_cast<size_t>(feed - ready.data()) : ready.size();
    if (bytes > kLineBytesMax - line_.size())
      return invalid_argument("file '{}': line {} at byte {} is longer than {} bytes", stream_->path(),
                              line_number_, line_offset_, kLineBytesMax);
    line_.append(as_text(ready.first(bytes)));
    stream_->consume(bytes + (feed != nullptr ? 1 : 0));
    if (feed != nullptr) return true;
  }
}

Result<std::optional<std::string_view>> LineReader::next_line() {
  if (!TRY(read_line())) return std::optional<std::string_view>();
  std::string_view line = line_;
  if (line_number_ == 1 && line.starts_with("\xef\xbb\xbf")) line.remove_prefix(3);
  return std::optional(line);
}

Result<std::optional<std::string_view>> LineReader::next() {
  for (;;) {
    std::optional<std::string_view> line = TRY(next_line());
    if (line && is_blank(*line)) continue;
    if (line && line->ends_with('\r')) line->remove_suffix(1);
    return line;
  }
}

Result<LineReader> open_lines(const std::string& path) {
  return LineReader(TRY(open_input(path, UnpackLimits{})));
}

}  // namespace kith
