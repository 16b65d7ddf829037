// Canonical filters: what plans and caches are kept by, so that filters that say the same in another order or
// another way share them. Not all equivalent filters meet (that would be satisfiability); these do:
//
// - NOT stands at leaves and nested conditions only (De Morgan, double negation; NOT "at least m of n" is "at
//   least n - m + 1 of the n opposites"); "at least" of 1 or of all is AnyOf or AllOf;
// - AllOf and AnyOf are flat, sorted, without duplicates or constants, and have two children at least, but
// for
//   AllOf{} (everything) and AnyOf{} (nothing), to which what always or never holds comes down;
// - on one path OneOf joined by AnyOf are one OneOf, single values joined by AllOf one ContainsAll, and so
// for
//   their opposites and for ids;
// - values are sorted, each once; numbers in normal form; a range of one number is OneOf; bounds of moments
// are
//   inclusive; MatchWords holds the sorted words.
#pragma once

#include <string>

#include "query/filter/filter.h"

namespace kith {

/// Holds for the same points. As deep as `filter` (valid by check_filter.h) at most; NOTs moved down may make
/// up to as many nodes again.
Filter canonical(const Filter& filter);

/// Equal for filters with one canonical form, and only for them: its text, so people can read it.
std::string key(const Filter& filter);

}  // namespace kith
