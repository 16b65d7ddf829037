// VectorReader: one stream of rows over every file format Kith loads, in bounded memory.
//
//   std::unique_ptr<VectorReader> reader = TRY(open_reader("base.fvecs.xz", {}));
//   for (;;) {
//     ReadBatch batch = TRY(reader->next(4096));
//     if (batch.count == 0) break;                     // the end
//     use(batch.block(), batch.ids, batch.payloads);
//   }
//
// Formats by extension: .fvecs .bvecs .ivecs .fbin .u8bin .npy .hdf5 .h5 .jsonl .csv, each but HDF5 also with
// a further .xz .zst .gz. HDF5 is parsed by a child process (datasets/hdf5.h). Layouts are drawn in
// datasets/README.md.
//
// Files are not trusted: every header and length is checked against the file's size and against the limits
// below before anything is allocated. A file that breaks its format gives InvalidArgument (it never was such
// a file) or Corruption (it is cut short or damaged), naming path and byte offset (of the unpacked stream).
// NaN and infinity pass: the engine refuses them and names the row. Rows come in file order. One reader is
// used by one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/vector_view.h"

namespace kith {

/// Dimensions a file may declare: the engine's own limit, so a lying header cannot ask for a huge row.
inline constexpr uint32_t kReaderDimMax = 65535;

struct ReaderOptions {
  uint64_t first_row = 0;  // rows skipped (a resumed load); a seek where rows have one size, else read over
  uint64_t rows_max = UINT64_MAX;      // rows given at most, after the skip
  std::string hdf5_dataset = "train";  // ANN-Benchmarks: train, test, neighbors, distances
  std::string id_field = "id";         // JSONL and CSV
  std::string vector_field = "vector";
  uint64_t unpacked_bytes_max = uint64_t{4} << 40;  // of a compressed file
  uint32_t unpack_ratio_max = 2000;                 // unpacked / packed, judged after the first 64 MiB
};

struct ReaderInfo {
  std::string path;
  std::optional<uint64_t>
      rows;  // that next() will give in all (first_row and rows_max applied); none: only the end tells
  uint32_t dim = 0;
  ScalarType type = ScalarType::kF32;  // kF32, kI8 or kU8; int32 and float64 files come as kF32
  bool has_ids = false;
  bool has_payloads = false;
  uint64_t file_bytes = 0;  // as on disk, packed; the whole for bytes_read()
};

/// As found in the file: a JSON number or digits in CSV become u64, all else a string.
using FileId = std::variant<uint64_t, std::string>;

struct ReadBatch {
  uint64_t first_row = 0;  // position in the file, counted from 0 and including skipped rows
  size_t count = 0;
  uint32_t dim = 0;
  ScalarType type = ScalarType::kF32;
  std::vector<std::byte> data;          // count packed vectors, little-endian
  std::vector<FileId> ids;              // count, or empty where the format has none
  std::vector<std::string> payloads;    // count JSON objects ("" = none), or empty where the format has none
  std::vector<uint64_t> expires_at_ms;  // count, 0 where the row does not say; or empty

  VectorBlock block() const { return {data.data(), type, dim, count}; }
};

class VectorReader {
 public:
  virtual ~VectorReader() = default;
  virtual const ReaderInfo& info() const = 0;
  /// Up to `rows` (≥ 1) further rows, fewer where payloads make them long; count 0 at the end, and again on
  /// every later call. After an error the reader is of no more use.
  virtual Result<ReadBatch> next(size_t rows) = 0;
  /// Bytes of the file on disk consumed so far, for a progress bar where rows are unknown. ≤
  /// info().file_bytes.
  virtual uint64_t bytes_read() const = 0;
};

/// Opens by extension and reads the header. NotFound where there is no such file, InvalidArgument for an
/// unknown extension.
Result<std::unique_ptr<VectorReader>> open_reader(const std::string& path, const ReaderOptions& options);

/// True for paths whose extension open_reader knows.
bool is_vector_file(const std::string& path);

/// A whole file in memory, for benchmarks and tests.
struct Matrix {
  std::vector<std::byte> data;
  ScalarType type = ScalarType::kF32;
  uint32_t dim = 0;
  size_t rows = 0;

  VectorBlock block() const { return {data.data(), type, dim, rows}; }
  VectorView operator[](size_t row) const { return block()[row]; }
};
Result<Matrix> read_matrix(const std::string& path, const ReaderOptions& options);
/// The same vectors as f32 (u8 and i8 converted).
Matrix to_f32_matrix(const Matrix& matrix);

/// Neighbour lists: int32 row numbers, nearest first, `k` a row, -1 where a query has fewer answers.
struct Neighbors {
  std::vector<int32_t> ids;
  uint32_t k = 0;
  size_t rows = 0;

  const int32_t* operator[](size_t row) const { return ids.data() + row * k; }
};
/// From .ivecs (packed or not) or, in an HDF5 file, from options.hdf5_dataset.
Result<Neighbors> read_neighbors(const std::string& path, const ReaderOptions& options);

}  // namespace kith
