#include "index/flat/flat_codec.h"

namespace kith {
namespace {

constexpr std::string_view kMagic = "KITHFLAT";
constexpr uint32_t kVersion = 2;

}  // namespace

Result<void> write_flat(CheckpointOutput& out, const IndexSpec& spec, Node nodes, const RowTable& rows,
                        const VectorStore& vectors) {
  const std::vector<uint32_t> vector_sums = TRY(write_vectors(out, nodes, vectors));
  SectionFileWriter main = TRY(SectionFileWriter::create(out, kMainFile, kMagic, kVersion));
  TRY(write_common(main, spec, nodes, rows, vector_sums));
  return main.finish();
}

Result<SectionFile> open_flat_file(const CheckpointInput& in) {
  return SectionFile::open(in, kMainFile, kMagic, kVersion);
}

}  // namespace kith
