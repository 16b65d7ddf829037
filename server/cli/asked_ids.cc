#include "server/cli/asked_ids.h"

#include <fstream>

#include "server/cli/id_text.h"

namespace kith {

Result<std::vector<v1::Id>> read_ids(const std::vector<std::string>& texts, const std::string& file_name) {
  std::vector<v1::Id> ids;
  for (const std::string& text : texts) {
    auto id = parse_id(text);
    if (!id.ok()) return make_error(id.error().code, "--id: {}", id.error().message);
    ids.push_back(*std::move(id));
  }
  if (file_name.empty()) return ids;
  std::ifstream file(file_name);
  if (!file) return not_found("--ids-file: cannot open '{}'", file_name);
  std::string line;
  for (size_t number = 1; std::getline(file, line); ++number) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty()) continue;
    auto id = parse_id(line);
    if (!id.ok())
      return make_error(id.error().code, "--ids-file '{}' line {}: {}", file_name, number,
                        id.error().message);
    ids.push_back(*std::move(id));
  }
  if (file.bad()) return unavailable("--ids-file: reading '{}' failed", file_name);
  return ids;
}

}  // namespace kith
