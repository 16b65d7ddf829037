// Flags that several commands have.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "query/schema/limits.h"

namespace kith {

inline CLI::Validator within(const Limit& limit) {
  return CLI::Range(limit.min, limit.max);
}

inline void add_after_flag(CLI::App& command, uint64_t& after) {
  command.add_option("--after", after,
                     "see at least the write of this \"sequence\", as load --json tells it");
}

inline CLI::Option* add_filter_flag(CLI::App& command, std::optional<std::string>& filter) {
  return command.add_option("--filter", filter,
                            "only points that satisfy it, as in docs/filters.md: \"size < 10\"");
}

}  // namespace kith
