#include "datasets/cache.h"

#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <system_error>

#include "base/bytes.h"
#include "base/io/file_system.h"
#include "datasets/child.h"
#include "datasets/open.h"

namespace kith {
namespace {

std::optional<uint64_t> size_of(const std::string& path) {
  std::error_code error;
  const uint64_t bytes = std::filesystem::file_size(path, error);
  return error ? std::nullopt : std::optional(bytes);
}

std::string temporary_name(const std::string& path) {
  return fmt::format("{}.{}.tmp", path, getpid());
}

Result<void> copy_unpacked(const std::string& packed, const std::string& temporary) {
  const std::unique_ptr<InputStream> stream = TRY(open_input(packed, UnpackLimits{}));
  const std::unique_ptr<WritableFile> file = TRY(posix_file_system().create(temporary));
  for (;;) {
    const std::span<const std::byte> ready = TRY(stream->peek());
    if (ready.empty()) break;
    TRY(file->append(ready));
    stream->consume(ready.size());
  }
  TRY(file->sync());
  return file->close();
}

// A failed attempt leaves nothing behind.
Result<void> finish(Result<void> done, const std::string& temporary, const std::string& path) {
  if (done.ok()) return posix_file_system().rename(temporary, path);
  std::error_code ignored;
  std::filesystem::remove(temporary, ignored);
  return done;
}

Result<void> fetch(const std::string& url, const std::string& to) {
  const Result<int> curl = run_to_end({"curl", "--fail", "--location", "--silent", "--show-error", "--proto",
                                       "=http,https,file", "--connect-timeout", "15", "--speed-limit", "1000",
                                       "--speed-time", "60", "--output", to, url});
  if (curl.ok() && *curl == 0) return {};
  if (curl.ok()) return unavailable("'{}' cannot be fetched: curl ended with code {}", url, *curl);
  const Result<int> wget = run_to_end({"wget", "--no-verbose", "--timeout=15", "--tries=2", "-O", to, url});
  if (wget.ok() && *wget == 0) return {};
  if (wget.ok()) return unavailable("'{}' cannot be fetched: wget ended with code {}", url, *wget);
  return failed_precondition("'{}' cannot be fetched: neither curl nor wget is installed", url);
}

Result<void> check_sum(const std::string& path, const std::string& url, const std::string& wanted) {
  if (wanted.empty()) return {};
  const std::string found = TRY(sha256_of(path));
  if (found == wanted) return {};
  return corruption("'{}' was fetched with sha256 {}, the catalog says {}", url, found, wanted);
}

Result<void> fetch_checked(const std::string& url, const std::string& sha256, const std::string& to) {
  TRY(fetch(url, to));
  return check_sum(to, url, sha256);
}

}  // namespace

Result<std::string> default_cache_directory() {
  const char* named = std::getenv("KITH_CACHE");
  if (named != nullptr && *named != '\0') return std::string(named);
  const char* home = std::getenv("HOME");
  if (home != nullptr && *home != '\0') return fmt::format("{}/.cache/kith", home);
  return failed_precondition("no place for the cache: set KITH_CACHE to a directory");
}

bool is_cached(const std::string& path, uint64_t source_bytes) {
  const std::optional<uint64_t> bytes = size_of(path);
  Result<std::unique_ptr<ReadableFile>> file = posix_file_system().open(path + ".ok");
  if (!bytes || !file.ok() || (*file)->size() > 100) return false;
  std::string text((*file)->size(), '\0');
  if (!(*file)->read(0, std::as_writable_bytes(std::span(text))).ok()) return false;
  const std::string any = fmt::format("{} from ", *bytes);
  return source_bytes == 0 ? text.starts_with(any) : text == fmt::format("{}{}\n", any, source_bytes);
}

Result<void> stamp(const std::string& path, uint64_t source_bytes) {
  const std::optional<uint64_t> bytes = size_of(path);
  if (!bytes) return not_found("file '{}' vanished from the cache", path);
  const std::string text = fmt::format("{} from {}\n", *bytes, source_bytes);
  return write_file_atomically(posix_file_system(), path + ".ok", as_bytes(text));
}

Result<void> unpack_into_cache(const std::string& packed, const std::string& path) {
  const std::optional<uint64_t> source_bytes = size_of(packed);
  if (!source_bytes) return not_found("file '{}' does not exist", packed);
  if (is_cached(path, *source_bytes)) return {};
  TRY(posix_file_system().make_directories(std::filesystem::path(path).parent_path().string()));
  const std::string temporary = temporary_name(path);
  TRY(finish(copy_unpacked(packed, temporary), temporary, path));
  return stamp(path, *source_bytes);
}

Result<void> download(const std::string& url, const std::string& sha256, const std::string& path) {
  TRY(posix_file_system().make_directories(std::filesystem::path(path).parent_path().string()));
  const std::string temporary = temporary_name(path);
  TRY(finish(fetch_checked(url, sha256, temporary), temporary, path));
  return stamp(path, size_of(path).value_or(0));
}

}  // namespace kith
