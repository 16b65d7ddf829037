// The cache directory: unpacked and downloaded files, written once, used by many processes at a time.
//
// A file counts as whole when its stamp NAME.ok holds its size and its source's size; the stamp is written
// last. What a killed run leaves is a *.tmp file that nobody reads.
#pragma once

#include <string>

#include "base/result.h"

namespace kith {

/// KITH_CACHE, else ~/.cache/kith. FailedPrecondition where neither KITH_CACHE nor HOME is set.
Result<std::string> default_cache_directory();

/// True when `path` is whole and its source had `source_bytes` (0: any size).
bool is_cached(const std::string& path, uint64_t source_bytes);
/// Marks a file that was just written whole.
Result<void> stamp(const std::string& path, uint64_t source_bytes);

/// Unpacks `packed` to `path` unless is_cached says that was done. The whole is streamed; size caps as in
/// decompress.h.
Result<void> unpack_into_cache(const std::string& packed, const std::string& path);

/// Fetches `url` to `path` by curl or wget, and compares with `sha256` unless that is empty.
Result<void> download(const std::string& url, const std::string& sha256, const std::string& path);

/// Of a file's content, 64 lower-case hex digits.
Result<std::string> sha256_of(const std::string& path);

}  // namespace kith
