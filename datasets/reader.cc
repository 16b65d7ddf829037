#include "datasets/reader.h"

#include <algorithm>
#include <cctype>
#include <cstring>

#include "datasets/open.h"
#include "index/distance/distance.h"

namespace kith {
namespace {

enum class Format : uint8_t { kUnknown, kFvecs, kBvecs, kIvecs, kFbin, kU8bin, kNpy, kHdf5, kJsonl, kCsv };

Format format_of(std::string_view path) {
  constexpr std::pair<std::string_view, Format> kExtensions[] = {
      {".fvecs", Format::kFvecs}, {".bvecs", Format::kBvecs}, {".ivecs", Format::kIvecs},
      {".fbin", Format::kFbin},   {".u8bin", Format::kU8bin}, {".npy", Format::kNpy},
      {".jsonl", Format::kJsonl}, {".csv", Format::kCsv},
  };
  if (path.ends_with(".hdf5") || path.ends_with(".h5")) return Format::kHdf5;
  for (const auto& [extension, format] : kExtensions)
    if (unpacked_name(path).ends_with(extension)) return format;
  return Format::kUnknown;
}

// Grows with what is really there: the number of rows in the header of a packed file is but a claim.
Result<Matrix> read_all(VectorReader& reader) {
  Matrix matrix{{}, reader.info().type, reader.info().dim, 0};
  for (;;) {
    const ReadBatch batch = TRY(reader.next(4096));
    if (batch.count == 0) return matrix;
    matrix.data.insert(matrix.data.end(), batch.data.begin(), batch.data.end());
    matrix.rows += batch.count;
  }
}

// int32 elements as they are. Read as f32 they would lose row numbers beyond 2^24, so the bits pass
// unconverted.
ReaderResult open_int32(const std::string& path, const ReaderOptions& options) {
  if (format_of(path) == Format::kHdf5) return open_hdf5(path, options, FrameElements::kRawInt32);
  if (format_of(path) != Format::kIvecs)
    return invalid_argument("file '{}': neighbours are read from .ivecs or HDF5 only", path);
  auto stream = TRY(open_input(path, {options.unpacked_bytes_max, options.unpack_ratio_max}));
  return make_vecs_reader(std::move(stream), Element::kF32, options);
}

}  // namespace

bool is_vector_file(const std::string& path) {
  return format_of(path) != Format::kUnknown;
}

Result<std::unique_ptr<InputStream>> open_input(const std::string& path, const UnpackLimits& limits) {
  std::unique_ptr<ByteSource> source = TRY(open_file_source(path));
  const Packing packing = packing_of(path);
  if (packing != Packing::kNone) source = TRY(unpack(packing, path, std::move(source), limits));
  return std::make_unique<InputStream>(path, std::move(source));
}

Result<std::unique_ptr<VectorReader>> open_reader(const std::string& path, const ReaderOptions& options) {
  const Format format = format_of(path);
  if (format == Format::kHdf5) return open_hdf5(path, options, FrameElements::kConverted);
  if (format == Format::kUnknown)
    return invalid_argument(
        "file '{}': unknown extension; known are .fvecs .bvecs .ivecs .fbin .u8bin .npy .jsonl "
        ".csv, each also with .xz .zst .gz, and .hdf5 .h5",
        path);
  auto stream = TRY(open_input(path, {options.unpacked_bytes_max, options.unpack_ratio_max}));
  switch (format) {
    case Format::kFvecs:
      return make_vecs_reader(std::move(stream), Element::kF32, options);
    case Format::kBvecs:
      return make_vecs_reader(std::move(stream), Element::kU8, options);
    case Format::kIvecs:
      return make_vecs_reader(std::move(stream), Element::kI32, options);
    case Format::kFbin:
      return make_bin_reader(std::move(stream), Element::kF32, options);
    case Format::kU8bin:
      return make_bin_reader(std::move(stream), Element::kU8, options);
    case Format::kNpy:
      return make_npy_reader(std::move(stream), options);
    case Format::kJsonl:
      return make_jsonl_reader(std::move(stream), options);
    default:
      return make_csv_reader(std::move(stream), options);
  }
}

Result<Matrix> read_matrix(const std::string& path, const ReaderOptions& options) {
  const std::unique_ptr<VectorReader> reader = TRY(open_reader(path, options));
  return read_all(*reader);
}

Matrix to_f32_matrix(const Matrix& matrix) {
  Matrix converted{{}, ScalarType::kF32, matrix.dim, matrix.rows};
  const size_t elements = matrix.rows * matrix.dim;
  converted.data.resize(elements * sizeof(float));
  to_f32(matrix.data.data(), elements, matrix.type, reinterpret_cast<float*>(converted.data.data()));
  return converted;
}

Result<Neighbors> read_neighbors(const std::string& path, const ReaderOptions& options) {
  const std::unique_ptr<VectorReader> reader = TRY(open_int32(path, options));
  const Matrix matrix = TRY(read_all(*reader));
  Neighbors neighbors{std::vector<int32_t>(matrix.rows * matrix.dim), matrix.dim, matrix.rows};
  std::memcpy(neighbors.ids.data(), matrix.data.data(), matrix.data.size());
  return neighbors;
}

}  // namespace kith
