#include "query/schema/json_tree.h"

#include <simdjson.h>

#include <limits>
#include <unordered_map>

#include "query/filter/number.h"

namespace kith {

/// Copies simdjson's document into a tree. Recursion ends at simdjson's own limit on depth.
class JsonTreeBuilder {
 public:
  explicit JsonTreeBuilder(JsonTree& tree) : tree_(tree) {}

  void add(const simdjson::dom::element& element, std::string_view name) {
    const size_t at = tree_.nodes_.size();
    tree_.nodes_.emplace_back();
    tree_.nodes_[at].name = keep(name);
    switch (element.type()) {
      case simdjson::dom::element_type::ARRAY:
        tree_.nodes_[at].kind = JsonValue::Kind::kArray;
        for (const simdjson::dom::element child : simdjson::dom::array(element)) add(child, {});
        break;
      case simdjson::dom::element_type::OBJECT:
        tree_.nodes_[at].kind = JsonValue::Kind::kObject;
        add_members(simdjson::dom::object(element));
        break;
      default:
        fill(tree_.nodes_[at], element);
        break;
    }
    tree_.nodes_[at].end = static_cast<uint32_t>(tree_.nodes_.size());
  }

 private:
  static constexpr size_t kFewMembers = 16;

  JsonTree::Text keep(std::string_view text) {
    const JsonTree::Text kept{static_cast<uint32_t>(tree_.text_.size()), static_cast<uint32_t>(text.size())};
    tree_.text_.append(text);
    return kept;
  }

  void fill(JsonTree::Node& node, const simdjson::dom::element& element) {
    if (element.is_null()) return;
    if (element.is_bool()) {
      node.kind = JsonValue::Kind::kBool;
      node.boolean = bool(element);
    } else if (element.is_string()) {
      node.kind = JsonValue::Kind::kString;
      node.string = keep(std::string_view(element));
    } else if (element.type() == simdjson::dom::element_type::INT64) {
      fill_number(node, int64_t(element));
    } else if (element.type() == simdjson::dom::element_type::UINT64) {
      fill_number(node, uint64_t(element));
    } else {
      fill_number(node, double(element));
    }
  }

  static void fill_number(JsonTree::Node& node, FilterNumber number) {
    node.kind = JsonValue::Kind::kNumber;
    number = normal_number(number);
    if (const auto* whole = std::get_if<int64_t>(&number)) {
      node.int64 = *whole;
    } else if (const auto* large = std::get_if<uint64_t>(&number)) {
      node.number_kind = JsonTree::NumberKind::kUint64;
      node.uint64 = *large;
    } else {
      node.number_kind = JsonTree::NumberKind::kDouble;
      node.real = std::get<double>(number);
    }
  }

  // The last of each name. Few members are compared with each other; with many that would take the square of
  // what a payload may hold.
  void add_members(const simdjson::dom::object& object) {
    if (object.size() > kFewMembers) return add_many_members(object);
    for (auto member = object.begin(); member != object.end(); ++member) {
      bool last = true;
      auto later = member;
      for (++later; last && later != object.end(); ++later) last = later.key() != member.key();
      if (last) add(member.value(), member.key());
    }
  }

  void add_many_members(const simdjson::dom::object& object) {
    std::unordered_map<std::string_view, size_t> left;
    for (auto member = object.begin(); member != object.end(); ++member) ++left[member.key()];
    for (auto member = object.begin(); member != object.end(); ++member)
      if (--left[member.key()] == 0) add(member.value(), member.key());
  }

  JsonTree& tree_;
};

Result<JsonTree> JsonTree::parse(std::string_view text) {
  if (text.size() > std::numeric_limits<uint32_t>::max() / 2)
    return invalid_argument("{} bytes of JSON are too many", text.size());
  thread_local simdjson::dom::parser parser;  // keeps its buffers; bounded by the limits of those who call
  simdjson::dom::element document;
  const auto error = parser.parse(text.data(), text.size()).get(document);
  if (error == simdjson::MEMALLOC)
    return resource_exhausted("no memory to parse its {} bytes of JSON; try again later", text.size());
  if (error != simdjson::SUCCESS) return invalid_argument("is not JSON: {}", simdjson::error_message(error));
  JsonTree tree;
  JsonTreeBuilder(tree).add(document, {});
  return tree;
}

Result<JsonTree> JsonTree::parse_payload(std::string_view text) {
  JsonTree tree = TRY(parse(text.empty() ? "{}" : text));
  if (!tree.root().is_object())
    return invalid_argument("is valid JSON but not an object; wrap it in {{...}}");
  return tree;
}

}  // namespace kith
