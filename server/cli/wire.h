// Between kith.v1 messages and the plain types the commands reckon with.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/vector_view.h"
#include "index/distance/distance.h"
#include "kith.pb.h"

namespace kith {

v1::Metric wire_metric(Metric metric);
v1::ScalarType wire_type(ScalarType type);
/// What a server says it stores. Corruption for a value this build does not know.
Result<Metric> metric_of(const v1::VectorField& field);
Result<ScalarType> type_of(const v1::VectorField& field);

/// NAME:DIM[:METRIC[:TYPE[:INDEX]]], as in --field image:512:cosine:f16:hnsw. Errors name `flag`.
Result<v1::VectorField> parse_field(std::string_view text);
/// PATH:TYPE[:required][:label], as in --payload size:integer. Errors name `flag`.
Result<v1::PayloadField> parse_payload_field(std::string_view text);
/// NAME=VALUE of --option.
Result<std::pair<std::string, std::string>> parse_option(std::string_view text);
/// Metric, type and index as words, checked; "" type = f32, or bit for hamming.
Result<void> set_field_words(v1::VectorField& field, std::string_view metric, std::string_view type,
                             std::string_view index);

/// A path as filters write it. Errors name `flag`.
Result<void> set_path(const std::string& text, std::string_view flag, v1::Filter::Path* out);
std::string path_text(const v1::Filter::Path& path);
std::string payload_type_text(const v1::PayloadField& field);
/// A value of a payload as JSON, and as a table shows it.
std::string value_json(const v1::Filter::Value& value);
std::string value_text(const v1::Filter::Value& value);

/// A stored vector as floats.
Result<std::vector<float>> floats_of(const v1::Vector& vector, const v1::VectorField& field);
/// `name`'s field, or the only one where `name` is empty. Errors list the fields there are.
Result<v1::FieldInfo> pick_field(const v1::GetCollectionResponse& info, const std::string& name);

}  // namespace kith
