#include "server/cli/attributes.h"

namespace kith {

Result<AttributeFile> AttributeFile::open(const std::string& path) {
  auto lines = open_lines(path);
  if (!lines.ok()) return make_error(lines.error().code, "--attributes: {}", lines.error().message);
  return AttributeFile(path, *std::move(lines));
}

Result<std::string> AttributeFile::next() {
  std::optional<std::string_view> line = TRY(lines_.next_line());
  if (!line)
    return invalid_argument(
        "--attributes '{}' ends after {} lines, before the vectors do; every row needs one", path_, given_);
  // Passed over, it would give every later row the payload of its neighbour.
  if (is_blank(*line))
    return invalid_argument("--attributes '{}' line {} is blank; a row without a payload has the line {{}}",
                            path_, lines_.line_number());
  if (line->front() != '{')
    return invalid_argument("--attributes '{}' line {}: not a JSON object", path_, lines_.line_number());
  if (line->ends_with('\r')) line->remove_suffix(1);
  ++given_;
  return std::string(*line);
}

Result<void> AttributeFile::skip(uint64_t lines) {
  for (uint64_t i = 0; i < lines; ++i) TRY(next());
  return {};
}

Result<void> AttributeFile::expect_end() {
  std::optional<std::string_view> line = TRY(lines_.next_line());
  while (line && is_blank(*line)) line = TRY(lines_.next_line());  // after the last row they shift nothing
  if (!line) return {};
  return invalid_argument("--attributes '{}' has more lines (line {}) than the {} rows there are", path_,
                          lines_.line_number(), given_);
}

}  // namespace kith
