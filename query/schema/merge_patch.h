// JSON merge patch (RFC 7396) on text: what a patch does not name keeps every byte that it was written with,
// numbers beyond a double's digits too, which a parsed tree would round.
#pragma once

#include <string>
#include <string_view>

namespace kith {

/// `target` with `patch` merged into it: members of the patch take the place of those of their name, a null
/// removes them, objects are merged likewise, all else is replaced whole. Of members with one name the last
/// counts, in both. New members come last. Both are JSON objects (check_json_object), or empty, which counts
/// as {}.
std::string merge_patch(std::string_view target, std::string_view patch);

}  // namespace kith
