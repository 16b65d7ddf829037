#include <unistd.h>

#include "base/bytes.h"
#include "base/io/file_system.h"
#include "datasets/ground_truth.h"
#include "datasets/packed_reader.h"

namespace kith {
namespace {

constexpr size_t kWriteBytes = size_t{1} << 20;

struct RowsView {
  const std::byte* data = nullptr;
  size_t rows = 0;
  uint32_t dim = 0;
  size_t row_bytes = 0;
  bool dim_before_row = false;
};

Result<void> write_rows(WritableFile& file, std::vector<std::byte> buffer, const RowsView& view) {
  for (size_t row = 0; row < view.rows; ++row) {
    const size_t at = buffer.size();
    buffer.resize(at + (view.dim_before_row ? 4 : 0));
    if (view.dim_before_row) store_le(buffer.data() + at, static_cast<int32_t>(view.dim));
    buffer.insert(buffer.end(), view.data + row * view.row_bytes, view.data + (row + 1) * view.row_bytes);
    if (buffer.size() < kWriteBytes) continue;
    TRY(file.append(buffer));
    buffer.clear();
  }
  return file.append(buffer);
}

// Beside its name first, so that no half file stands under it.
Result<void> write_file(const std::string& path, std::vector<std::byte> header, const RowsView& view) {
  FileSystem& fs = posix_file_system();
  const std::string temporary = fmt::format("{}.{}.tmp", path, getpid());
  const std::unique_ptr<WritableFile> file = TRY(fs.create(temporary));
  TRY(write_rows(*file, std::move(header), view));
  TRY(file->sync());
  TRY(file->close());
  return fs.rename(temporary, path);
}

std::vector<std::byte> bin_header(const Matrix& matrix) {
  ByteWriter out;
  out.number(static_cast<uint32_t>(matrix.rows));
  out.number(matrix.dim);
  return out.take();
}

std::vector<std::byte> npy_header(const Matrix& matrix, std::string_view descr) {
  std::string dict = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}, {}), }}", descr,
                                 matrix.rows, matrix.dim);
  dict.append(63 - (10 + dict.size()) % 64, ' ');  // numpy.lib.format: the array starts at a multiple of 64
  dict += '\n';
  ByteWriter out;
  out.raw(as_bytes(std::string_view("\x93NUMPY\x01\x00", 8)));
  out.number(static_cast<uint16_t>(dict.size()));
  out.raw(as_bytes(dict));
  return out.take();
}

}  // namespace

Result<void> write_matrix(const std::string& path, const Matrix& matrix) {
  const bool f32 = matrix.type == ScalarType::kF32;
  const bool u8 = matrix.type == ScalarType::kU8;
  RowsView view{matrix.data.data(), matrix.rows, matrix.dim, vector_bytes(matrix.type, matrix.dim), true};
  if (f32 && path.ends_with(".fvecs")) return write_file(path, {}, view);
  if (u8 && path.ends_with(".bvecs")) return write_file(path, {}, view);
  view.dim_before_row = false;
  const bool fits_u32 = matrix.rows <= UINT32_MAX;
  if (fits_u32 && ((f32 && path.ends_with(".fbin")) || (u8 && path.ends_with(".u8bin"))))
    return write_file(path, bin_header(matrix), view);
  const bool i8 = matrix.type == ScalarType::kI8;
  if ((f32 || u8 || i8) && path.ends_with(".npy"))
    return write_file(path, npy_header(matrix, f32 ? "<f4" : u8 ? "|u1" : "|i1"), view);
  return invalid_argument(
      "file '{}': {} vectors are not written in this format; use .fvecs .fbin (f32), .bvecs .u8bin "
      "(u8) or .npy (f32, u8, i8)",
      path, scalar_name(matrix.type));
}

Result<void> write_neighbors(const std::string& path, const Neighbors& neighbors) {
  if (!path.ends_with(".ivecs")) return invalid_argument("file '{}': neighbours are written as .ivecs", path);
  const auto* data = reinterpret_cast<const std::byte*>(neighbors.ids.data());
  return write_file(path, {}, {data, neighbors.rows, neighbors.k, neighbors.k * sizeof(int32_t), true});
}

}  // namespace kith
