#include "datasets/json_text.h"

#include <simdjson.h>

#include <cmath>

namespace kith {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

Result<std::vector<float>> to_vector(element value) {
  simdjson::dom::array array;
  if (value.get(array) != simdjson::SUCCESS) return invalid_argument("is not an array of numbers");
  std::vector<float> vector;
  for (const element item : array) {
    double number = 0;
    if (item.get(number) != simdjson::SUCCESS)
      return invalid_argument("element {} is not a number", vector.size());
    if (vector.size() == kReaderDimMax) return invalid_argument("has more than {} elements", kReaderDimMax);
    if (std::abs(number) > 3.4028235677973366e38)
      return invalid_argument("element {} is beyond f32", vector.size());
    vector.push_back(static_cast<float>(number));
  }
  if (vector.empty()) return invalid_argument("is empty");
  return vector;
}

Result<FileId> to_id(element value) {
  uint64_t number = 0;
  if (value.get(number) == simdjson::SUCCESS) return FileId(number);
  std::string_view text;
  if (value.get(text) == simdjson::SUCCESS) return FileId(std::string(text));
  return invalid_argument("is neither a string nor an integer in 0..2^64-1");
}

template <typename T>
Result<T> named(Result<T> result, std::string_view field) {
  if (result.ok()) return result;
  return make_error(result.error().code, "field \"{}\" {}", field, result.error().message);
}

// The payload field's object; beside it no other field may stand, since it would be lost silently.
Result<std::string> choose_payload(const std::string& fields, const std::optional<std::string>& object) {
  if (!object) return fields.empty() ? std::string() : "{" + fields + "}";
  if (fields.empty()) return *object;
  return invalid_argument("has both a \"payload\" object and further fields; move them into the object");
}

}  // namespace

namespace {

constexpr int kDepthMax = 32;  // of a tree

struct PaddedParser {
  simdjson::dom::parser parser{kLineBytes};
  std::string padded;

  static constexpr size_t kLineBytes = size_t{17} << 20;

  Result<element> parse(std::string_view text) {
    padded.assign(text);
    padded.reserve(padded.size() + simdjson::SIMDJSON_PADDING);
    element root;
    const simdjson::error_code code = parser.parse(padded.data(), padded.size(), false).get(root);
    if (code != simdjson::SUCCESS) return invalid_argument("is not JSON: {}", simdjson::error_message(code));
    return root;
  }
};

Result<JsonNode> to_tree(element from, int depth) {
  if (depth > kDepthMax) return invalid_argument("nests deeper than {} levels", kDepthMax);
  JsonNode value;
  bool truth = false;
  std::string_view text;
  simdjson::dom::array array;
  simdjson::dom::object object;
  if (from.get(value.number) == simdjson::SUCCESS) {
    value.type = JsonNode::Type::kNumber;
  } else if (from.get(truth) == simdjson::SUCCESS) {
    value.type = JsonNode::Type::kBool;
    value.number = truth ? 1 : 0;
  } else if (from.get(text) == simdjson::SUCCESS) {
    value.type = JsonNode::Type::kText;
    value.text = text;
  } else if (from.get(array) == simdjson::SUCCESS) {
    value.type = JsonNode::Type::kArray;
    for (const element item : array) value.items.push_back(TRY(to_tree(item, depth + 1)));
  } else if (from.get(object) == simdjson::SUCCESS) {
    value.type = JsonNode::Type::kObject;
    for (const simdjson::dom::key_value_pair field : object)
      value.fields.push_back({std::string(field.key), TRY(to_tree(field.value, depth + 1))});
  }
  return value;
}

}  // namespace

const JsonNode* JsonNode::find(std::string_view name) const {
  for (const Field& field : fields)
    if (field.name == name) return &field.value;
  return nullptr;
}

struct JsonTreeParser::State : PaddedParser {};

JsonTreeParser::JsonTreeParser() : state_(std::make_unique<State>()) {}
JsonTreeParser::~JsonTreeParser() = default;

Result<JsonNode> JsonTreeParser::parse(std::string_view text) {
  return to_tree(TRY(state_->parse(text)), 0);
}

struct JsonRowParser::State : PaddedParser {
  std::string id_field;
  std::string vector_field;
};

JsonRowParser::JsonRowParser(std::string id_field, std::string vector_field)
    : state_(std::make_unique<State>()) {
  state_->id_field = std::move(id_field);
  state_->vector_field = std::move(vector_field);
}
JsonRowParser::~JsonRowParser() = default;

Result<JsonRow> JsonRowParser::parse(std::string_view line) {
  simdjson::dom::object object;
  if (TRY(state_->parse(line)).get(object) != simdjson::SUCCESS)
    return invalid_argument("is not a JSON object");
  JsonRow row;
  std::string fields;
  std::optional<std::string> payload;
  for (const simdjson::dom::key_value_pair field : object) {
    if (field.key == state_->vector_field) {
      row.vector = TRY(named(to_vector(field.value), field.key));
    } else if (field.key == state_->id_field) {
      row.id = TRY(named(to_id(field.value), field.key));
    } else if (field.key == "payload" && field.value.type() == element_type::OBJECT) {
      payload = simdjson::minify(field.value);
    } else if (field.key == "expires_at_ms") {
      if (field.value.get(row.expires_at_ms) != simdjson::SUCCESS)
        return invalid_argument("field \"{}\" is not a whole number of milliseconds since 1970", field.key);
    } else {
      if (!fields.empty()) fields += ',';
      append_json_string(fields, field.key);
      fields += ':';
      fields += simdjson::minify(field.value);
    }
  }
  if (row.vector.empty()) return invalid_argument("has no field \"{}\"", state_->vector_field);
  row.payload = TRY(choose_payload(fields, payload));
  return row;
}

Result<std::vector<float>> JsonRowParser::parse_vector(std::string_view text) {
  return to_vector(TRY(state_->parse(text)));
}

bool JsonRowParser::is_bare_value(std::string_view text) {
  // Quick refusal of plain words; what looks like a number is judged by the parser, so that 007 and 1. stay
  // strings.
  if (text.empty() || text.size() > 64 ||
      std::string_view("-0123456789tf").find(text[0]) == std::string_view::npos)
    return false;
  const Result<element> value = state_->parse(text);
  if (!value.ok()) return false;
  const element_type type = value->type();
  return type == element_type::INT64 || type == element_type::UINT64 || type == element_type::DOUBLE ||
         type == element_type::BOOL;
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  out += '"';
}

}  // namespace kith
