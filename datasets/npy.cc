// .npy versions 1 to 3 (numpy.lib.format): magic, version, header length, a Python dict literal with descr,
// fortran_order and shape, then the array. Two dimensions, C order, little-endian <f4 <f2 <f8 |i1 |u1.
#include <charconv>

#include "datasets/packed_reader.h"

namespace kith {
namespace {

constexpr std::string_view kMagic("\x93NUMPY", 6);
constexpr uint32_t kHeaderBytesMax = 65536;

struct Header {
  std::string text;
  uint64_t offset = 0;  // of the text in the file
};

Result<Header> read_header(InputStream& stream) {
  std::byte start[8];
  TRY(stream.read(start, "the npy magic and version"));
  if (as_text(start).substr(0, 6) != kMagic)
    return invalid_argument("file '{}' does not begin with the npy magic", stream.path());
  const auto version = static_cast<unsigned>(start[6]);
  if (version < 1 || version > 3)
    return invalid_argument("file '{}': npy version {} at byte 6 is not 1, 2 or 3", stream.path(), version);
  const uint32_t bytes = version == 1 ? TRY(stream.number<uint16_t>("the npy header length"))
                                      : TRY(stream.number<uint32_t>("the npy header length"));
  if (bytes > kHeaderBytesMax)
    return invalid_argument("file '{}': npy header of {} bytes, more than {}, declared at byte 8",
                            stream.path(), bytes, kHeaderBytesMax);
  Header header{std::string(bytes, '\0'), stream.offset()};
  TRY(stream.read(std::as_writable_bytes(std::span(header.text)), "the npy header"));
  return header;
}

// What follows `'key':` in the dict, spaces left out; empty where the key is missing.
std::string_view value_after(std::string_view dict, std::string_view key) {
  for (const char quote : {'\'', '"'}) {
    const std::string quoted = fmt::format("{}{}{}", quote, key, quote);
    const size_t found = dict.find(quoted);
    if (found == std::string_view::npos) continue;
    const size_t colon = dict.find_first_not_of(' ', found + quoted.size());
    if (colon == std::string_view::npos || dict[colon] != ':') continue;
    const size_t value = dict.find_first_not_of(' ', colon + 1);
    return value == std::string_view::npos ? std::string_view() : dict.substr(value);
  }
  return {};
}

std::optional<Element> parse_descr(std::string_view value) {
  if (value.size() < 5 || value[0] != value[4]) return std::nullopt;
  const std::string_view type = value.substr(1, 3);
  if (type == "<f4") return Element::kF32;
  if (type == "<f2") return Element::kF16;
  if (type == "<f8") return Element::kF64;
  if (type == "|i1") return Element::kI8;
  if (type == "|u1") return Element::kU8;
  return std::nullopt;
}

struct Shape {
  uint64_t rows = 0;
  uint64_t dim = 0;
};

// "(60000, 784), ..." with the spaces numpy writes, and a comma after the last number allowed.
std::optional<Shape> parse_shape(std::string_view value) {
  Shape shape;
  const char* at = value.data();
  const char* end = at + value.size();
  const auto skip = [&](char wanted) {
    while (at != end && *at == ' ') ++at;
    if (at == end || *at != wanted) return false;
    ++at;
    while (at != end && *at == ' ') ++at;
    return true;
  };
  const auto number = [&](uint64_t& out) {
    const auto parsed = std::from_chars(at, end, out);
    if (parsed.ec != std::errc()) return false;
    at = parsed.ptr;
    return true;
  };
  if (!skip('(') || !number(shape.rows) || !skip(',') || !number(shape.dim)) return std::nullopt;
  skip(',');
  if (!skip(')')) return std::nullopt;
  return shape;
}

}  // namespace

ReaderResult make_npy_reader(std::unique_ptr<InputStream> stream, const ReaderOptions& options) {
  const Header header = TRY(read_header(*stream));
  const auto refuse = [&](std::string_view why) {
    return invalid_argument("file '{}': npy header at byte {}: {}", stream->path(), header.offset, why);
  };
  const std::optional<Element> element = parse_descr(value_after(header.text, "descr"));
  if (!element) return refuse("descr is not one of '<f4' '<f2' '<f8' '|i1' '|u1'");
  if (!value_after(header.text, "fortran_order").starts_with("False"))
    return refuse("fortran_order is not False; save with numpy.ascontiguousarray");
  const std::optional<Shape> shape = parse_shape(value_after(header.text, "shape"));
  if (!shape) return refuse("shape is not (rows, dim)");
  if (shape->dim < 1 || shape->dim > kReaderDimMax)
    return refuse(fmt::format("dimension {} is not in 1..{}", shape->dim, kReaderDimMax));
  const auto dim = static_cast<uint32_t>(shape->dim);
  TRY(check_body_size(*stream, shape->rows, uint64_t{dim} * element_bytes(*element)));
  return make_packed_reader(std::move(stream), {*element, dim, false, shape->rows}, options);
}

}  // namespace kith
