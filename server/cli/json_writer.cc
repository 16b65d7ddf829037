#include "server/cli/json_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace kith {
namespace {

/// Length of the UTF-8 sequence at `text[at]`, 0 where it is none (RFC 3629: no overlong forms, no
/// surrogates).
size_t utf8_length(std::string_view text, size_t at) {
  auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  auto continues = [&](size_t i) { return (byte(i) & 0xc0u) == 0x80u; };
  const unsigned lead = byte(at);
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return continues(at + 1) ? 2 : 0;
  const unsigned second = byte(at + 1);
  if (lead >= 0xe0 && lead <= 0xef) {
    if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f)) return 0;
    return continues(at + 1) && continues(at + 2) ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    if ((lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f)) return 0;
    return continues(at + 1) && continues(at + 2) && continues(at + 3) ? 4 : 0;
  }
  return 0;
}

void append_escaped(std::string& out, unsigned char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  if (c < 0x20 || c == 0x7f) {
    fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
  } else {
    out += static_cast<char>(c);
  }
}

template <typename Float>
void append_float(std::string& out, Float value) {
  // JSON has no word for these; they occur only in measurements, never in stored vectors.
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  // "-0" is an integer to JSON readers, and loses its sign.
  if (value == 0 && std::signbit(value)) {
    out += "-0.0";
  } else {
    fmt::format_to(std::back_inserter(out), "{}", value);
  }
}

}  // namespace

void JsonWriter::separate() {
  if (comma_) text_ += ',';
  comma_ = true;
}

JsonWriter& JsonWriter::open(char bracket) {
  separate();
  text_ += bracket;
  comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
  text_ += bracket;
  comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  text(name);
  text_ += ':';
  comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::text(std::string_view value) {
  separate();
  text_ += '"';
  for (size_t i = 0; i < value.size();) {
    const size_t length = utf8_length(value, i);
    if (length == 0) {
      text_ += "\xEF\xBF\xBD";  // U+FFFD: file names need not be UTF-8, JSON must be
      ++i;
    } else if (length == 1) {
      append_escaped(text_, static_cast<unsigned char>(value[i++]));
    } else {
      text_ += value.substr(i, length);
      i += length;
    }
  }
  text_ += '"';
  return *this;
}

JsonWriter& JsonWriter::number(double value) {
  separate();
  append_float(text_, value);
  return *this;
}

JsonWriter& JsonWriter::number(float value) {
  separate();
  append_float(text_, value);
  return *this;
}

JsonWriter& JsonWriter::floats(std::span<const float> values) {
  begin_array();
  for (float value : values) number(value);
  return end_array();
}

JsonWriter& JsonWriter::raw(std::string_view json) {
  separate();
  text_ += json;
  return *this;
}

JsonWriter& JsonWriter::raw_line(std::string_view json) {
  const size_t begin = text_.size();
  raw(json);
  // Strings hold no raw control characters, so these bytes are blanks between tokens.
  std::replace_if(
      text_.begin() + static_cast<ptrdiff_t>(begin), text_.end(),
      [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return *this;
}

}  // namespace kith
