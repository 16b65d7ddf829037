#include "datasets/filters.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <map>

#include "datasets/json_text.h"
#include "datasets/lines.h"

namespace kith {
namespace {

constexpr double kNoNumber = std::numeric_limits<double>::quiet_NaN();
constexpr uint32_t kNoText = 0;

/// A scalar: a number (a bool is one) or the number of a text.
struct Cell {
  double number = kNoNumber;
  uint32_t text = kNoText;
  bool operator==(const Cell& other) const {
    return text != kNoText ? text == other.text : number == other.number;
  }
};

/// The values of one field, row by row.
struct Column {
  std::vector<Cell> cells;
  std::vector<size_t> ends;  // of each row's cells
};

/// The fields that filters ask for, of all rows.
class Attributes {
 public:
  void want(const std::string& field) { columns_.try_emplace(field); }
  Result<void> read(const std::string& path);

  size_t rows() const { return rows_; }
  Cell cell_of(const JsonNode& value) {
    if (value.is(JsonNode::Type::kText)) return {kNoNumber, number_of(value.text)};
    const bool counts = value.is(JsonNode::Type::kNumber) || value.is(JsonNode::Type::kBool);
    return {counts ? value.number : kNoNumber, kNoText};
  }
  /// Rows with a cell that satisfies; the field was wanted.
  template <typename Satisfies>
  RowSet select(const std::string& field, Satisfies satisfies) const {
    const Column& column = columns_.at(field);
    std::vector<Row> rows;
    size_t cell = 0;
    for (size_t row = 0; row < rows_; ++row) {
      bool holds = false;
      for (; cell < column.ends[row]; ++cell) holds = holds || satisfies(column.cells[cell]);
      if (holds) rows.push_back(static_cast<Row>(row));
    }
    return RowSet::of(rows);
  }

 private:
  uint32_t number_of(const std::string& text) {
    return texts_.try_emplace(text, static_cast<uint32_t>(texts_.size() + 1)).first->second;
  }

  std::map<std::string, Column> columns_;
  std::map<std::string, uint32_t> texts_;
  size_t rows_ = 0;
};

/// Calls visit(value) for each line of a file of objects; errors name the line.
template <typename Visit>
Result<void> for_each_object(const std::string& path, Visit visit) {
  LineReader lines = TRY(open_lines(path));
  JsonTreeParser parser;
  while (const auto line = TRY(lines.next())) {
    Result<JsonNode> value = parser.parse(*line);
    Result<void> visited;
    if (!value) {
      visited = value.error();
    } else if (!value->is(JsonNode::Type::kObject)) {
      visited = invalid_argument("is not a JSON object");
    } else {
      visited = visit(*value);
    }
    if (!visited)
      return make_error(visited.error().code, "file '{}': line {} {}", path, lines.line_number(),
                        visited.error().message);
  }
  return {};
}

Result<void> Attributes::read(const std::string& path) {
  return for_each_object(path, [&](const JsonNode& object) -> Result<void> {
    if (rows_ >= kNoRow) return invalid_argument("is one more than rows can be numbered");
    ++rows_;
    for (auto& [field, column] : columns_) {
      const JsonNode* value = object.find(field);
      if (value != nullptr && value->is(JsonNode::Type::kArray)) {
        for (const JsonNode& item : value->items) column.cells.push_back(cell_of(item));
      } else if (value != nullptr) {
        column.cells.push_back(cell_of(*value));
      }
      column.ends.push_back(column.cells.size());
    }
    return {};
  });
}

Result<std::string> text_field(const JsonNode& object, const char* name) {
  const JsonNode* value = object.find(name);
  if (value == nullptr || !value->is(JsonNode::Type::kText))
    return invalid_argument("has no text \"{}\" where one must be", name);
  return value->text;
}

Result<const JsonNode*> needed(const JsonNode& object, const char* name) {
  if (const JsonNode* value = object.find(name)) return value;
  return invalid_argument("has no \"{}\" where one must be", name);
}

Result<const JsonNode*> needed_list(const JsonNode& object, const char* name) {
  const JsonNode* list = TRY(needed(object, name));
  if (list->is(JsonNode::Type::kArray)) return list;
  return invalid_argument("has \"{}\" that is no array", name);
}

/// The operands of and, or, not; none of a leaf.
Result<std::vector<const JsonNode*>> operands(const JsonNode& filter, const std::string& op) {
  std::vector<const JsonNode*> out;
  if (op == "not") out.push_back(TRY(needed(filter, "arg")));
  if (op == "and" || op == "or")
    for (const JsonNode& arg : TRY(needed_list(filter, "args"))->items) out.push_back(&arg);
  return out;
}

/// Bounded: the parser refuses deeper trees.
Result<void> want_fields(const JsonNode& filter, Attributes& attributes) {
  const std::string op = TRY(text_field(filter, "op"));
  if (op != "and" && op != "or" && op != "not") attributes.want(TRY(text_field(filter, "field")));
  for (const JsonNode* arg : TRY(operands(filter, op))) TRY(want_fields(*arg, attributes));
  return {};
}

Result<RowSet> select_range(const JsonNode& filter, const std::string& field, const Attributes& attributes) {
  const auto bound = [&](const char* name, double otherwise) {
    const JsonNode* value = filter.find(name);
    return value != nullptr && value->is(JsonNode::Type::kNumber) ? value->number : otherwise;
  };
  const double gte = bound("gte", -HUGE_VAL), gt = bound("gt", -HUGE_VAL);
  const double lte = bound("lte", HUGE_VAL), lt = bound("lt", HUGE_VAL);
  if (gte == -HUGE_VAL && gt == -HUGE_VAL && lte == HUGE_VAL && lt == HUGE_VAL)
    return invalid_argument("has a range of \"{}\" without a bound", field);
  return attributes.select(field, [=](const Cell& cell) {
    const double x = cell.number;
    return x >= gte && (gt == -HUGE_VAL || x > gt) && x <= lte && (lt == HUGE_VAL || x < lt);
  });
}

Result<RowSet> select_leaf(const JsonNode& filter, const std::string& op, Attributes& attributes) {
  const std::string field = TRY(text_field(filter, "field"));
  if (op == "range") return select_range(filter, field, attributes);
  std::vector<Cell> wanted;
  if (op == "in") {
    for (const JsonNode& value : TRY(needed_list(filter, "values"))->items)
      wanted.push_back(attributes.cell_of(value));
  } else if (op == "eq" || op == "contains") {
    const JsonNode* value = TRY(needed(filter, "value"));
    wanted.push_back(attributes.cell_of(*value));
  } else {
    return invalid_argument("has an operation \"{}\"; there are eq, in, contains, range, and, or, not", op);
  }
  return attributes.select(field, [&](const Cell& cell) {
    for (const Cell& one : wanted)
      if (one == cell) return true;
    return false;
  });
}

Result<RowSet> evaluate(const JsonNode& filter, Attributes& attributes) {
  const std::string op = TRY(text_field(filter, "op"));
  const bool all = op == "and";
  if (!all && op != "or" && op != "not") return select_leaf(filter, op, attributes);
  RowSet out = op == "or" ? RowSet() : RowSet::range(0, attributes.rows());
  for (const JsonNode* arg : TRY(operands(filter, op))) {
    const RowSet rows = TRY(evaluate(*arg, attributes));
    if (op == "not") {
      out.subtract(rows);
    } else if (all) {
      out.intersect(rows);
    } else {
      out.unite(rows);
    }
  }
  return out;
}

std::string quoted(const std::string& text, char quote) {
  std::string out(1, quote);
  for (const char c : text) out.append(c == quote ? 2 : 1, c);
  return out + quote;
}

std::string scalar_text(const JsonNode& value) {
  if (value.is(JsonNode::Type::kText)) return quoted(value.text, '\'');
  if (value.is(JsonNode::Type::kBool)) return value.number != 0 ? "TRUE" : "FALSE";
  return fmt::format("{}", value.number);
}

std::string leaf_text(const JsonNode& filter, const std::string& op) {
  const std::string field = quoted(filter.find("field")->text, '"');
  if (op == "eq" || op == "contains") return field + " = " + scalar_text(*filter.find("value"));
  std::string out;
  if (op == "in") {
    for (const JsonNode& value : filter.find("values")->items)
      out += (out.empty() ? "" : ", ") + scalar_text(value);
    return field + " IN (" + out + ")";
  }
  out = field;  // both bounds are of one value
  if (const JsonNode* high = filter.find("lt"))
    out += " < " + scalar_text(*high);
  else if (const JsonNode* highest = filter.find("lte"))
    out += " <= " + scalar_text(*highest);
  if (const JsonNode* low = filter.find("gt")) return scalar_text(*low) + " < " + out;
  if (const JsonNode* lowest = filter.find("gte")) return scalar_text(*lowest) + " <= " + out;
  return out;
}

/// Of a filter that could be evaluated.
Result<std::string> filter_text(const JsonNode& filter) {
  const std::string op = TRY(text_field(filter, "op"));
  if (op != "and" && op != "or" && op != "not") return leaf_text(filter, op);
  std::string out;
  for (const JsonNode* arg : TRY(operands(filter, op))) {
    const std::string inner = TRY(filter_text(*arg));
    out += fmt::format("{}({})", out.empty() ? "" : op == "and" ? " AND " : " OR ", inner);
  }
  return op == "not" ? "NOT " + out : out;
}

Result<FilteredQuery> to_query(const JsonNode& line, Attributes& attributes) {
  const JsonNode* number = TRY(needed(line, "qid"));
  if (!number->is(JsonNode::Type::kNumber) || !(number->number >= 0 && number->number < 4e9))
    return invalid_argument("has a \"qid\" that is no query's number");
  const JsonNode* filter = TRY(needed(line, "filter"));
  FilteredQuery query;
  query.query = static_cast<size_t>(number->number);
  query.kind = TRY(text_field(line, "kind"));
  query.allowed = TRY(evaluate(*filter, attributes));
  query.text = TRY(filter_text(*filter));
  if (const JsonNode* matches = line.find("matches");
      matches != nullptr && matches->number != static_cast<double>(query.allowed.size()))
    return invalid_argument("says {} matches; its filter allows {} rows", matches->number,
                            query.allowed.size());
  return query;
}

}  // namespace

Result<std::vector<FilteredQuery>> read_filtered_queries(const std::string& filters_path,
                                                         const std::string& attributes_path) {
  Attributes attributes;
  const auto want = [&](const JsonNode& line) -> Result<void> {
    const JsonNode* filter = TRY(needed(line, "filter"));
    return want_fields(*filter, attributes);
  };
  TRY(for_each_object(filters_path, want));
  TRY(attributes.read(attributes_path));
  std::vector<FilteredQuery> queries;
  const auto take = [&](const JsonNode& line) -> Result<void> {
    queries.push_back(TRY(to_query(line, attributes)));
    return {};
  };
  TRY(for_each_object(filters_path, take));
  return queries;
}

Result<std::vector<double>> read_numbers(const std::string& attributes_path, const std::string& field) {
  std::vector<double> numbers;
  const auto take = [&](const JsonNode& object) -> Result<void> {
    const JsonNode* value = object.find(field);
    numbers.push_back(value != nullptr && value->is(JsonNode::Type::kNumber) ? value->number : kNoNumber);
    return {};
  };
  TRY(for_each_object(attributes_path, take));
  return numbers;
}

}  // namespace kith
