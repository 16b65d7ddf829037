#include "index/flat/flat_codec.h"

namespace kith {
namespace {

constexpr std::string_view kMagic = "KITHFLAT";
constexpr uint32_t kVersion = 1;

}  // namespace

Result<void> write_flat(FileSystem& fs, const std::string& path, const IndexSpec& spec, Node nodes,
                        const RowTable& rows, const VectorStore& vectors) {
  SectionFileWriter writer = TRY(SectionFileWriter::create(fs, path, kMagic, kVersion));
  TRY(write_common(writer, spec, nodes, rows, vectors));
  return writer.finish();
}

Result<SectionFile> open_flat_file(FileSystem& fs, const std::string& path) {
  return SectionFile::open(fs, path, kMagic, kVersion);
}

}  // namespace kith
