// Moments as RFC 3339 text, the form in which payloads and filters hold them. Strict: "2026-11-22", or date
// and time with an offset, "2026-11-22T05:52:19.25Z" or "...+01:00"; nothing before or after. T and Z may be
// lower case. Digits beyond the ninth of a second are cut off. A leap second counts as the first second of
// the next minute, as in POSIX time.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "query/filter/filter.h"

namespace kith {

/// Nothing when `text` is no such text, no date of the calendar, or before 1677-09-21T00:12:43.145224192Z or
/// after 2262-04-11T23:47:16.854775807Z, beyond which 64 bits of nanoseconds do not reach.
std::optional<Moment> parse_moment(std::string_view text);

/// In UTC with as many digits of a second as it needs; parse_moment reads the same moment back.
std::string to_text(Moment moment);

}  // namespace kith
