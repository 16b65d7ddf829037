// The one place that knows which index kinds exist. A new kind adds its folder, one line in registry.cc, one
// CMake line.
#pragma once

#include <span>
#include <string_view>

#include "index/index.h"

namespace kith {

/// All kinds, in the order in which documentation lists them. Thread-safe, never changes after start-up.
std::span<const IndexKind* const> index_kinds();

/// NotFound lists the kinds there are.
Result<const IndexKind*> find_index_kind(std::string_view name);

/// find + create.
Result<std::unique_ptr<Index>> create_index(const IndexSpec& spec);

}  // namespace kith
