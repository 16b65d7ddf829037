// The word of --durability.
#pragma once

#include <string_view>

#include "base/result.h"
#include "kith.pb.h"

namespace kith {

inline Result<v1::Durability> parse_durability(std::string_view word) {
  if (word == "sync") return v1::DURABILITY_SYNC;
  if (word == "async") return v1::DURABILITY_ASYNC;
  return invalid_argument("--durability: '{}' is neither sync nor async", word);
}

}  // namespace kith
