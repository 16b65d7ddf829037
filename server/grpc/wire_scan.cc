#include "server/grpc/wire_scan.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <algorithm>
#include <map>
#include <string>

#include "query/schema/text.h"
#include "server/api/wire_limits.h"

namespace kith {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

constexpr int kDepthMax = 32;
constexpr uint64_t kOver = limits::kUnknownFields.max + 1;

bool is_message(const FieldDescriptor* field, WireFormatLite::WireType wire_type) {
  return field != nullptr && field->type() == FieldDescriptor::TYPE_MESSAGE &&
         wire_type == WireFormatLite::WIRETYPE_LENGTH_DELIMITED;
}

/// Whether protobuf reads the field from this wire type. Where it does not, it keeps the bytes as an unknown
/// field, however well the number is known.
bool fits(const FieldDescriptor* field, WireFormatLite::WireType wire_type) {
  if (field == nullptr) return false;
  const auto type = static_cast<WireFormatLite::FieldType>(field->type());
  if (wire_type == WireFormatLite::WireTypeForFieldType(type)) return true;
  return field->is_packable() && wire_type == WireFormatLite::WIRETYPE_LENGTH_DELIMITED;
}

/// The fields of one message met so far. A singular field that comes again replaces its value, but the arena
/// keeps the memory of the one before. Fields beyond the mask share its last bit: counted too often, never
/// too seldom.
class SeenFields {
 public:
  bool again(const FieldDescriptor* field) {
    if (field->is_repeated()) return false;
    const auto* group = field->containing_oneof();  // its members take the place of each other
    const int index = group != nullptr ? group->field(0)->index() : field->index();
    const uint64_t bit = uint64_t{1} << std::min(index, 63);
    const bool before = (seen_ & bit) != 0;
    seen_ |= bit;
    return before;
  }

 private:
  uint64_t seen_ = 0;
};

struct Counts {
  uint64_t sub_messages = 0;
  uint64_t unknown_fields = 0;  // and those that come again

  bool over() const {
    return sub_messages > limits::kSubMessages.max || unknown_fields > limits::kUnknownFields.max;
  }
};

/// False at malformed bytes or once a count is over its limit.
bool count_fields(CodedInputStream& input, const Descriptor& type, int depth, Counts& counts) {
  if (depth > kDepthMax) return false;
  SeenFields seen;
  while (const uint32_t tag = input.ReadTag()) {
    const auto wire_type = WireFormatLite::GetTagWireType(tag);
    const FieldDescriptor* field = type.FindFieldByNumber(WireFormatLite::GetTagFieldNumber(tag));
    if (!fits(field, wire_type) || seen.again(field)) ++counts.unknown_fields;
    // A group is one unknown field of any size: protobuf would store all that is in it.
    if (wire_type == WireFormatLite::WIRETYPE_START_GROUP) counts.unknown_fields = kOver;
    if (is_message(field, wire_type)) {
      ++counts.sub_messages;
      if (counts.over()) return false;
      int length = 0;
      if (!input.ReadVarintSizeAsInt(&length)) return false;
      const auto outer = input.PushLimit(length);
      if (!count_fields(input, *field->message_type(), depth + 1, counts)) return false;
      if (input.BytesUntilLimit() != 0) return false;
      input.PopLimit(outer);
    } else if (counts.over() || !WireFormatLite::SkipField(&input, tag)) {
      return false;
    }
  }
  return true;
}

/// Path of the first string field that is not UTF-8; empty where the walk finds none.
std::string find_bad_string(CodedInputStream& input, const Descriptor& type, int depth) {
  std::map<int, size_t> seen;
  while (const uint32_t tag = depth > kDepthMax ? 0 : input.ReadTag()) {
    const auto wire_type = WireFormatLite::GetTagWireType(tag);
    const FieldDescriptor* field = type.FindFieldByNumber(WireFormatLite::GetTagFieldNumber(tag));
    const bool text = field != nullptr && field->type() == FieldDescriptor::TYPE_STRING &&
                      wire_type == WireFormatLite::WIRETYPE_LENGTH_DELIMITED;
    if (!text && !is_message(field, wire_type)) {
      if (!WireFormatLite::SkipField(&input, tag)) return {};
      continue;
    }
    int length = 0;
    if (!input.ReadVarintSizeAsInt(&length)) return {};
    const size_t index = seen[field->number()]++;
    const std::string name =
        field->is_repeated() ? fmt::format("{}[{}]", field->name(), index) : field->name();
    if (text) {
      std::string value;
      if (length > input.BytesUntilLimit() && input.BytesUntilLimit() >= 0) return {};
      if (!input.ReadString(&value, length)) return {};
      if (!is_utf8(value)) return name;
      continue;
    }
    const auto outer = input.PushLimit(length);
    const std::string inner = find_bad_string(input, *field->message_type(), depth + 1);
    if (!inner.empty()) return name + "." + inner;
    if (input.BytesUntilLimit() != 0) return {};
    input.PopLimit(outer);
  }
  return {};
}

}  // namespace

Result<void> scan_wire(google::protobuf::io::ZeroCopyInputStream& wire, const Descriptor& type) {
  CodedInputStream input(&wire);
  Counts counts;
  count_fields(input, type, 0, counts);
  if (counts.sub_messages > limits::kSubMessages.max) {
    return invalid_argument("{}: over {} nested messages (limit 'sub_messages'); send fewer per request",
                            type.name(), limits::kSubMessages.max);
  }
  if (counts.unknown_fields > limits::kUnknownFields.max) {
    return invalid_argument(
        "{}: over {} fields that the proto does not define as they come, or come twice, or a group (limit "
        "'unknown_fields')",
        type.name(), limits::kUnknownFields.max);
  }
  return {};
}

Error explain_bad_wire(google::protobuf::io::ZeroCopyInputStream& wire, const Descriptor& type) {
  CodedInputStream input(&wire);
  const std::string path = find_bad_string(input, type, 0);
  if (path.empty())
    return invalid_argument("{}: the bytes are cut short or are no such message", type.name());
  return invalid_argument("{}: the text is not UTF-8; ids of arbitrary bytes need an encoding such as hex",
                          path);
}

}  // namespace kith
