// Reads HDF5 through kith-hdf5 (hdf5_main.cc), so that a damaged or hostile file can at worst end that
// process.
#include <cstdlib>

#include "base/io/file_system.h"
#include "datasets/child.h"
#include "datasets/hdf5_frames.h"

namespace kith {
namespace {

/// Gives the child's output, but the HDF5 file's size for progress bars.
class NamedSize final : public ByteSource {
 public:
  NamedSize(std::unique_ptr<ByteSource> source, uint64_t bytes) : source_(std::move(source)), bytes_(bytes) {}
  Result<size_t> read(std::span<std::byte> out) override { return source_->read(out); }
  uint64_t file_bytes() const override { return bytes_; }
  uint64_t file_bytes_read() const override { return 0; }

 private:
  std::unique_ptr<ByteSource> source_;
  uint64_t bytes_;
};

Result<std::string> helper_path() {
  const char* named = std::getenv("KITH_HDF5");
  if (named != nullptr && *named != '\0') return std::string(named);
  std::string found = find_helper("kith-hdf5");
  if (!found.empty()) return found;
  return failed_precondition(
      "HDF5 files are read by the program kith-hdf5, which is not beside this one; name its path in "
      "KITH_HDF5");
}

}  // namespace

ReaderResult open_hdf5(const std::string& path, const ReaderOptions& options, FrameElements elements) {
  const uint64_t bytes = TRY(posix_file_system().open(path))->size();
  const std::string helper = TRY(helper_path());
  auto output = TRY(start_child({helper, path, options.hdf5_dataset, std::to_string(options.first_row),
                                 std::to_string(options.rows_max), std::to_string(options.unpack_ratio_max)},
                                true));
  auto stream = std::make_unique<InputStream>(path, std::make_unique<NamedSize>(std::move(output), bytes));
  return make_frame_reader(std::move(stream), elements, options.first_row);
}

}  // namespace kith
