#include "server/cli/wire.h"

#include <charconv>

#include "index/registry.h"
#include "query/filter/filter_text.h"
#include "query/filter/number.h"
#include "query/schema/limits.h"
#include "query/schema/payload_fields.h"
#include "server/cli/json_writer.h"
#include "server/cli/table.h"

namespace kith {
namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

Error in_flag(std::string_view flag, const Error& error) {
  return make_error(error.code, "{}: {}", flag, error.message);
}

}  // namespace

// Both enums keep 0 for "not set" and otherwise follow ours.
v1::Metric wire_metric(Metric metric) {
  return static_cast<v1::Metric>(static_cast<int>(metric) + 1);
}

v1::ScalarType wire_type(ScalarType type) {
  return static_cast<v1::ScalarType>(static_cast<int>(type) + 1);
}

Result<Metric> metric_of(const v1::VectorField& field) {
  const int value = static_cast<int>(field.metric()) - 1;
  if (value < 0 || value >= static_cast<int>(kMetrics))
    return corruption("field '{}': the server names metric {}, which this kith does not know; update it",
                      field.name(), value + 1);
  return static_cast<Metric>(value);
}

Result<ScalarType> type_of(const v1::VectorField& field) {
  const int value = static_cast<int>(field.type()) - 1;
  if (value < 0 || value >= static_cast<int>(kScalarTypes))
    return corruption("field '{}': the server names type {}, which this kith does not know; update it",
                      field.name(), value + 1);
  return static_cast<ScalarType>(value);
}

Result<v1::VectorField> parse_field(std::string_view text) {
  const std::vector<std::string_view> parts = split(text, ':');
  if (parts.size() < 2 || parts.size() > 5 || parts[0].empty())
    return invalid_argument(
        "--field: '{}' is not NAME:DIM[:METRIC[:TYPE[:INDEX]]]; write e.g. image:512:cosine:f16:hnsw", text);
  v1::VectorField field;
  field.set_name(std::string(parts[0]));
  uint32_t dim = 0;
  const auto parsed = std::from_chars(parts[1].data(), parts[1].data() + parts[1].size(), dim);
  if (parsed.ec != std::errc() || parsed.ptr != parts[1].data() + parts[1].size() ||
      !limits::kDim.allows(dim))
    return invalid_argument("--field: '{}' of '{}' is not a dimension {}..{}", parts[1], text,
                            limits::kDim.min, limits::kDim.max);
  field.set_dim(dim);
  auto part = [&](size_t i) { return i < parts.size() ? parts[i] : std::string_view(); };
  auto words = set_field_words(field, part(2), part(3), part(4));
  if (!words.ok()) return in_flag("--field", words.error());
  return field;
}

Result<v1::PayloadField> parse_payload_field(std::string_view text) {
  v1::PayloadField field;
  std::string_view rest = text;
  const auto take = [&](std::string_view word) {
    const bool there = rest.ends_with(word);
    if (there) rest.remove_suffix(word.size());
    return there;
  };
  field.set_label(take(":label"));
  field.set_required(take(":required"));
  const size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos || colon == 0)
    return invalid_argument(
        "--payload: '{}' is not PATH:TYPE[:required][:label]; write e.g. author.name:keyword", text);
  TRY(set_path(std::string(rest.substr(0, colon)), "--payload", field.mutable_path()));
  const auto type = parse_payload_type(rest.substr(colon + 1));
  if (!type.ok()) return in_flag("--payload", type.error());
  field.set_type(static_cast<v1::PayloadType>(static_cast<int>(*type) + 1));
  return field;
}

std::string payload_type_text(const v1::PayloadField& field) {
  const int type = static_cast<int>(field.type()) - 1;
  if (type < 0 || type >= static_cast<int>(kPayloadTypes)) return "unknown";  // of a newer server
  return std::string(payload_type_name(static_cast<PayloadType>(type)));
}

std::string path_text(const v1::Filter::Path& path) {
  return to_text(FilterPath{{path.names().begin(), path.names().end()}});
}

Result<std::pair<std::string, std::string>> parse_option(std::string_view text) {
  const size_t at = text.find('=');
  if (at == 0 || at == std::string_view::npos)
    return invalid_argument("--option: '{}' is not NAME=VALUE; write e.g. degree=32", text);
  return std::pair(std::string(text.substr(0, at)), std::string(text.substr(at + 1)));
}

Result<void> set_field_words(v1::VectorField& field, std::string_view metric, std::string_view type,
                             std::string_view index) {
  const Metric parsed_metric = metric.empty() ? Metric::kL2 : TRY(parse_metric(metric));
  const ScalarType fallback = parsed_metric == Metric::kHamming ? ScalarType::kBit : ScalarType::kF32;
  const ScalarType parsed_type = type.empty() ? fallback : TRY(parse_scalar_type(type));
  TRY(validate_metric(parsed_metric, parsed_type));
  field.set_metric(wire_metric(parsed_metric));
  field.set_type(wire_type(parsed_type));
  // Which kinds there are is the server's to say: it may be a newer one.
  field.set_index(std::string(index.empty() ? kDefaultKind : index));
  return {};
}

Result<std::vector<float>> floats_of(const v1::Vector& vector, const v1::VectorField& field) {
  if (vector.data().empty()) return std::vector<float>(vector.values().begin(), vector.values().end());
  const ScalarType type = TRY(type_of(field));
  if (vector.data().size() != vector_bytes(type, field.dim()))
    return corruption("field '{}': a stored vector came as {} bytes, but {} x {} are {}", field.name(),
                      vector.data().size(), field.dim(), scalar_name(type), vector_bytes(type, field.dim()));
  std::vector<float> floats(field.dim());
  to_f32(reinterpret_cast<const std::byte*>(vector.data().data()), floats.size(), type, floats.data());
  return floats;
}

Result<v1::FieldInfo> pick_field(const v1::GetCollectionResponse& info, const std::string& name) {
  if (name.empty() && info.fields_size() == 1) return info.fields(0);
  std::string known;
  for (const v1::FieldInfo& field : info.fields()) {
    if (field.field().name() == name) return field;
    known += (known.empty() ? "" : ", ") + field.field().name();
  }
  if (name.empty())
    return invalid_argument("collection '{}' has several vector fields: {}; choose one with --field",
                            info.collection(), known);
  return not_found("--field: collection '{}' has no vector field '{}'; it has: {}", info.collection(), name,
                   known);
}

Result<void> set_path(const std::string& text, std::string_view flag, v1::Filter::Path* out) {
  const auto path = parse_path_text(text);
  if (!path.ok()) return make_error(path.error().code, "{}: {}", flag, path.error().message);
  for (const std::string& name : path->names) out->add_names(name);
  return {};
}

std::string value_json(const v1::Filter::Value& value) {
  if (value.has_text()) return JsonWriter().text(value.text()).str();
  return value_text(value);
}

std::string value_text(const v1::Filter::Value& value) {
  constexpr size_t kColumns = 80;
  if (value.has_flag()) return value.flag() ? "true" : "false";
  if (value.has_integer()) return std::to_string(value.integer());
  if (value.has_large()) return std::to_string(value.large());
  if (value.has_real()) return to_text(FilterNumber(value.real()));
  return shorten(value.text(), kColumns);
}

}  // namespace kith
