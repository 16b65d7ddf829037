// How much of payloads columns take in. What goes beyond stays findable: its rows are `unsure` where a filter
// asks for what was left out, and are checked on their payloads.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kith::column_limits {

/// Paths that get a column, in the order in which they are first seen.
inline constexpr size_t kPathsMax = 1'024;
/// Of a path: names, and bytes with two more for each name.
inline constexpr size_t kPathNamesMax = 32;
inline constexpr size_t kPathBytesMax = 512;
/// Members and values of one payload, and words of its strings besides.
inline constexpr size_t kRowValuesMax = 4'096;
inline constexpr size_t kRowWordsMax = 4'096;
/// Bytes that the paths and values of one payload take until they are in columns.
inline constexpr size_t kRowBytesMax = 256u << 10;
/// Of a column: different strings kept by their text, and the bytes that one may have; others are known by a
/// hash.
inline constexpr size_t kStringsMax = 65'536;
inline constexpr size_t kStringBytesMax = 256;
/// The same for words.
inline constexpr size_t kWordsMax = 262'144;
inline constexpr size_t kWordBytesMax = 64;
/// The same two where a path is declared, as a keyword or as text.
inline constexpr size_t kDeclaredStringsMax = 4u << 20;
inline constexpr size_t kDeclaredWordsMax = 4u << 20;
/// Cells of the globe that one question about places looks at.
inline constexpr size_t kGeoCellsMax = 2'048;
/// Removed rows are swept out of columns when there are this many of them and a third of all rows.
inline constexpr uint64_t kSweepRowsMin = 4'096;

}  // namespace kith::column_limits
