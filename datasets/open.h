// How a path becomes a stream and a stream becomes a reader: one function a format, for open_reader, tests
// and fuzzers.
//
// Each maker reads the header from the stream, checks it against the stream's size where that is known, and
// applies first_row and rows_max. The streams are not trusted.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "datasets/decompress.h"
#include "datasets/input_stream.h"
#include "datasets/reader.h"

namespace kith {

using ReaderResult = Result<std::unique_ptr<VectorReader>>;

/// Opens the file and unpacks by extension.
Result<std::unique_ptr<InputStream>> open_input(const std::string& path, const UnpackLimits& limits);

/// How one element of a packed row is stored.
enum class Element : uint8_t { kF32, kF16, kF64, kI32, kI8, kU8 };
constexpr uint32_t element_bytes(Element element) {
  constexpr uint32_t kBytes[] = {4, 2, 8, 4, 1, 1};
  return kBytes[static_cast<size_t>(element)];
}

ReaderResult make_vecs_reader(std::unique_ptr<InputStream> stream, Element element,
                              const ReaderOptions& options);
ReaderResult make_bin_reader(std::unique_ptr<InputStream> stream, Element element,
                             const ReaderOptions& options);
ReaderResult make_npy_reader(std::unique_ptr<InputStream> stream, const ReaderOptions& options);
ReaderResult make_jsonl_reader(std::unique_ptr<InputStream> stream, const ReaderOptions& options);
ReaderResult make_csv_reader(std::unique_ptr<InputStream> stream, const ReaderOptions& options);
/// Integers of an HDF5 file as f32 like those of .ivecs, or as they are (then the file must hold integers).
enum class FrameElements : uint8_t { kConverted, kRawInt32 };
/// The stream is what kith-hdf5 writes (hdf5_frames.h), which has applied first_row and rows_max already.
ReaderResult make_frame_reader(std::unique_ptr<InputStream> stream, FrameElements elements,
                               uint64_t first_row);
/// Starts kith-hdf5 on a file.
ReaderResult open_hdf5(const std::string& path, const ReaderOptions& options, FrameElements elements);

/// Checks 1..kReaderDimMax; `where` names file and place.
Result<uint32_t> checked_dim(int64_t dim, const std::string& path, uint64_t offset);

}  // namespace kith
