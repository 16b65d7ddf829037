// Declared payload fields: their types by name, and whether a payload is as declared.
#pragma once

#include <string_view>

#include "base/result.h"
#include "query/schema/json_tree.h"
#include "query/types.h"

namespace kith {

/// keyword, integer, float, boolean, datetime, geo, text.
std::string_view payload_type_name(PayloadType type);
Result<PayloadType> parse_payload_type(std::string_view name);

/// Paths are sound and there once, within limit 'payload_fields'.
Result<void> validate_payload_fields(const Schema& schema);

/// InvalidArgument naming the field and the value that is not as declared.
Result<void> check_payload_fields(const Schema& schema, const JsonValue& payload);

}  // namespace kith
