// Names of a collection's files in its checkpoints.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>

namespace kith {

/// u32 version, u32 rows, then of extent 0, 1, ... the blocks of IdMap::save and of ExpiryMap::save.
inline constexpr const char* kIdsFile = "ids";
inline constexpr uint32_t kIdsVersion = 1;

/// Files of the index of field `position` begin with it.
inline std::string field_prefix(size_t position) {
  return fmt::format("f{}-", position);
}

}  // namespace kith
