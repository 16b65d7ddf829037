// JsonTree: a parsed JSON document that owns what it holds. Payloads are read through it by filters and
// columns, filters written as JSON too.
//
// All values lie in one array in the order of the document, each with the end of what lies within it, and all
// strings in one buffer: a document costs two allocations, whatever it holds. JsonValue is a place in the
// tree, as cheap to copy as a pointer, and valid while the tree lives and is not moved. Members keep their
// order; of members with one name only the last is there. Integers keep all their digits from -2^63 to
// 2^64 - 1, beyond that a number must have a fraction or an exponent; numbers that no double reaches are
// refused. Nesting beyond 1,024 levels is refused. Const calls may run on many threads.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "query/filter/filter.h"

namespace kith {

class JsonTree;

class JsonValue {
 public:
  enum class Kind : uint8_t { kNull, kBool, kNumber, kString, kArray, kObject };

  Kind kind() const;
  bool is_null() const { return kind() == Kind::kNull; }
  bool is_bool() const { return kind() == Kind::kBool; }
  bool is_number() const { return kind() == Kind::kNumber; }
  bool is_string() const { return kind() == Kind::kString; }
  bool is_array() const { return kind() == Kind::kArray; }
  bool is_object() const { return kind() == Kind::kObject; }

  // Each of a value of that kind only.
  bool boolean() const;
  /// In normal form (filter/number.h).
  FilterNumber number() const;
  std::string_view string() const;

  /// The name of a member of an object; empty for what is no member.
  std::string_view name() const;

  /// Elements of an array, or members of an object; none of anything else.
  class Iterator;
  Iterator begin() const;
  Iterator end() const;
  bool empty() const;

  /// The member of that name; calls `found(JsonValue)` at most once.
  template <typename F>
  void with_member(std::string_view name, F&& found) const;

 private:
  friend class JsonTree;
  JsonValue(const JsonTree* tree, uint32_t at) : tree_(tree), at_(at) {}

  const JsonTree* tree_;
  uint32_t at_;
};

class JsonValue::Iterator {
 public:
  Iterator(const JsonTree* tree, uint32_t at) : value_(tree, at) {}
  const JsonValue& operator*() const { return value_; }
  const JsonValue* operator->() const { return &value_; }
  Iterator& operator++();
  bool operator==(const Iterator& other) const { return value_.at_ == other.value_.at_; }

 private:
  JsonValue value_;
};

class JsonTree {
 public:
  /// InvalidArgument that says what is wrong with `text`; ResourceExhausted without memory.
  static Result<JsonTree> parse(std::string_view text);
  /// A payload: an object, or nothing, which counts as {}.
  static Result<JsonTree> parse_payload(std::string_view text);

  JsonValue root() const { return {this, 0}; }

 private:
  friend class JsonValue;
  friend class JsonTreeBuilder;

  struct Text {
    uint32_t begin;
    uint32_t size;
  };
  enum class NumberKind : uint8_t { kInt64, kUint64, kDouble };
  struct Node {
    JsonValue::Kind kind = JsonValue::Kind::kNull;
    NumberKind number_kind = NumberKind::kInt64;
    uint32_t end = 0;  // past the last node within
    Text name{0, 0};
    union {
      bool boolean;
      int64_t int64;
      uint64_t uint64;
      double real;
      Text string;
    };
    Node() : int64(0) {}
  };

  std::string_view view(Text text) const { return std::string_view(text_).substr(text.begin, text.size); }

  std::vector<Node> nodes_;
  std::string text_;
};

inline JsonValue::Kind JsonValue::kind() const {
  return tree_->nodes_[at_].kind;
}
inline bool JsonValue::boolean() const {
  DCHECK(is_bool());
  return tree_->nodes_[at_].boolean;
}
inline FilterNumber JsonValue::number() const {
  DCHECK(is_number());
  const JsonTree::Node& node = tree_->nodes_[at_];
  switch (node.number_kind) {
    case JsonTree::NumberKind::kInt64:
      return node.int64;
    case JsonTree::NumberKind::kUint64:
      return node.uint64;
    case JsonTree::NumberKind::kDouble:
      break;
  }
  return node.real;
}
inline std::string_view JsonValue::string() const {
  DCHECK(is_string());
  return tree_->view(tree_->nodes_[at_].string);
}
inline std::string_view JsonValue::name() const {
  return tree_->view(tree_->nodes_[at_].name);
}

inline JsonValue::Iterator JsonValue::begin() const {
  return {tree_, at_ + 1};
}
inline JsonValue::Iterator JsonValue::end() const {
  return {tree_, tree_->nodes_[at_].end};
}
inline bool JsonValue::empty() const {
  return begin() == end();
}
inline JsonValue::Iterator& JsonValue::Iterator::operator++() {
  value_.at_ = value_.tree_->nodes_[value_.at_].end;
  return *this;
}

template <typename F>
void JsonValue::with_member(std::string_view name, F&& found) const {
  if (!is_object()) return;
  for (const JsonValue member : *this)
    if (member.name() == name) return static_cast<void>(found(member));
}

}  // namespace kith
