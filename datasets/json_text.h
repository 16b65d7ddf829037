// The little JSON the readers need, in the one file of this folder that includes simdjson.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "datasets/reader.h"

namespace kith {

/// One row of a JSON line: {"id": .., "vector": [..], "payload": {..}} or with the payload's fields beside
/// the vector; "expires_at_ms" is none of them.
struct JsonRow {
  std::optional<FileId> id;
  std::vector<float> vector;
  std::string payload;         // a JSON object; "" where the line has no further fields
  uint64_t expires_at_ms = 0;  // 0: the line does not say
};

/// Keeps the parser's memory from row to row.
class JsonRowParser {
 public:
  /// Field names of the id and the vector.
  JsonRowParser(std::string id_field, std::string vector_field);
  ~JsonRowParser();

  /// Errors are InvalidArgument without file and line, which the caller adds.
  Result<JsonRow> parse(std::string_view line);
  /// "[1, 2.5]" alone, as in a CSV cell.
  Result<std::vector<float>> parse_vector(std::string_view text);
  /// True for text that is one JSON number, true or false.
  bool is_bare_value(std::string_view text);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// A JSON value as a plain tree. Whole numbers beyond 2^53 lose their last digits.
struct JsonNode {
  struct Field;
  enum class Type : uint8_t { kNull, kBool, kNumber, kText, kArray, kObject };
  Type type = Type::kNull;
  double number = 0;  // 0 or 1 of a bool
  std::string text;
  std::vector<JsonNode> items;
  std::vector<Field> fields;

  bool is(Type wanted) const { return type == wanted; }
  /// The first field of that name; null where there is none.
  const JsonNode* find(std::string_view name) const;
};
struct JsonNode::Field {
  std::string name;
  JsonNode value;
};

/// Keeps the parser's memory from line to line.
class JsonTreeParser {
 public:
  JsonTreeParser();
  ~JsonTreeParser();
  /// InvalidArgument for what is not JSON or nests deeper than 32 levels.
  Result<JsonNode> parse(std::string_view text);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Appends `text` as a JSON string. Bytes that are not UTF-8 are kept as they are.
void append_json_string(std::string& out, std::string_view text);

}  // namespace kith
