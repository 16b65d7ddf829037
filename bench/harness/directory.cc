#include "bench/harness/directory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <set>
#include <utility>
#include <vector>

namespace kith::bench {
namespace {

constexpr uint64_t kStatBlock = 512;  // of stat, whatever the file system's own are
constexpr uint64_t kPage = 4096;

/// Calls see(path below `directory`, open file) for each regular file.
Result<void> for_each_file(const std::string& directory,
                           const std::function<Result<void>(const std::string&, int)>& see) {
  std::error_code failed;
  std::filesystem::recursive_directory_iterator at(directory, failed), end;
  for (; !failed && at != end; at.increment(failed)) {
    if (!at->is_regular_file(failed)) continue;
    const std::string path = at->path().string();
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return make_error(Code::kUnavailable, "file '{}' cannot be opened", path);
    const Result<void> seen = see(path.substr(directory.size() + 1), fd);
    ::close(fd);
    TRY(seen);
  }
  if (failed) return make_error(Code::kUnavailable, "directory '{}': {}", directory, failed.message());
  return {};
}

struct Pages {
  size_t all = 0;
  size_t resident = 0;
};

Result<void> count_pages(const std::string& name, int fd, Pages& pages) {
  struct stat found {};
  if (::fstat(fd, &found) != 0) return make_error(Code::kUnavailable, "file '{}': no stat", name);
  const auto bytes = static_cast<size_t>(found.st_size);
  if (bytes == 0) return {};
  void* const mapped = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd, 0);
  if (mapped == MAP_FAILED) return make_error(Code::kUnavailable, "file '{}' cannot be mapped", name);
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> resident((bytes + page - 1) / page);
  const bool known = ::mincore(mapped, bytes, resident.data()) == 0;
  ::munmap(mapped, bytes);
  if (!known) return make_error(Code::kUnavailable, "file '{}': its pages cannot be counted", name);
  pages.all += resident.size();
  pages.resident +=
      static_cast<size_t>(std::ranges::count_if(resident, [](auto in) { return (in & 1) != 0; }));
  return {};
}

}  // namespace

Result<DirectoryBytes> directory_bytes(const std::string& directory) {
  DirectoryBytes bytes;
  std::set<std::pair<dev_t, ino_t>> seen;
  TRY(for_each_file(directory, [&](const std::string& name, int fd) -> Result<void> {
    struct stat found {};
    if (::fstat(fd, &found) != 0) return make_error(Code::kUnavailable, "file '{}': no stat", name);
    if (!seen.emplace(found.st_dev, found.st_ino).second) return {};
    const auto taken = std::min(static_cast<uint64_t>(found.st_blocks) * kStatBlock,
                                (static_cast<uint64_t>(found.st_size) + kPage - 1) / kPage * kPage);
    if (name.starts_with("checkpoints/"))
      bytes.checkpoints += taken;
    else if (name.starts_with("store/"))
      (name.ends_with(".blob") ? bytes.blobs : bytes.store) += taken;
    else
      bytes.rest += taken;
    return {};
  }));
  return bytes;
}

Result<double> drop_from_page_cache(const std::string& directory) {
  Pages pages;
  TRY(for_each_file(directory, [&](const std::string& name, int fd) -> Result<void> {
    // Dirty pages stay whatever is asked.
    if (::fdatasync(fd) != 0 || ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) != 0)
      return make_error(Code::kUnavailable, "file '{}': its pages cannot be dropped", name);
    return count_pages(name, fd, pages);
  }));
  return pages.all == 0 ? 0 : static_cast<double>(pages.resident) / static_cast<double>(pages.all);
}

}  // namespace kith::bench
