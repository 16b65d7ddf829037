#include "bench/harness/scratch.h"

#include <cstdlib>
#include <filesystem>

namespace kith::bench {

Result<std::unique_ptr<Scratch>> Scratch::create(const std::string& parent) {
  std::string path = parent + "/kith-bench.XXXXXX";
  if (mkdtemp(path.data()) == nullptr)
    return make_error(Code::kUnavailable, "directory '{}': no folder can be made there; give --dir", parent);
  return std::unique_ptr<Scratch>(new Scratch(path));
}

Scratch::~Scratch() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Result<std::string> program_directory() {
  std::error_code failed;
  const std::filesystem::path path = std::filesystem::read_symlink("/proc/self/exe", failed);
  if (failed) return make_error(Code::kUnavailable, "/proc/self/exe cannot be read: {}", failed.message());
  return path.parent_path().string();
}

}  // namespace kith::bench
