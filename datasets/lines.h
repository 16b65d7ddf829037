// LineReader: the lines of a text file, packed (.xz .zst .gz) or not, in bounded memory: attributes, filters,
// passages.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace kith {

class InputStream;

/// No line may be longer: a vector of 65,535 numbers and a payload fit well.
inline constexpr size_t kLineBytesMax = size_t{16} << 20;

/// Nothing but blanks, and a CR perhaps.
bool is_blank(std::string_view line);

class LineReader {
 public:
  explicit LineReader(std::unique_ptr<InputStream> stream);
  ~LineReader();
  LineReader(LineReader&&) noexcept;
  LineReader& operator=(LineReader&&) noexcept;

  /// The next line that is not blank, without its end (LF or CR LF); none at the end of the file. The view
  /// holds until the next call. The last line needs no LF. A UTF-8 byte order mark at the start is left out.
  Result<std::optional<std::string_view>> next();
  /// The next line, blank or not, with the CR of a CR LF: for files where lines are counted or may be quoted.
  Result<std::optional<std::string_view>> next_line();
  /// 1-based, of the line that was given last.
  uint64_t line_number() const { return line_number_; }
  /// Byte offset of the start of that line in the unpacked file.
  uint64_t line_offset() const { return line_offset_; }
  uint64_t bytes_read() const;

 private:
  Result<bool> read_line();

  std::unique_ptr<InputStream> stream_;
  std::string line_;
  uint64_t line_number_ = 0;
  uint64_t line_offset_ = 0;
};

/// Unpacks by extension; any text file.
Result<LineReader> open_lines(const std::string& path);

}  // namespace kith
