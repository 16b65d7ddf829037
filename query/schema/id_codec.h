// Between the user's Id and the id key by which storage knows it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "query/types.h"

namespace kith {

/// InvalidArgument when a text id is empty, too long or not UTF-8.
Result<std::string> id_key_of(const Id& id);
/// Corruption when the bytes are no id key.
Result<Id> id_of_key(std::string_view id_key);
/// As shown in messages; "(damaged id)" when the bytes are no id key.
std::string id_key_text(std::string_view id_key);

}  // namespace kith
