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

}  // namespace kith::bench
