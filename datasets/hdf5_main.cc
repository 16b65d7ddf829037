// kith-hdf5 FILE DATASET FIRST_ROW ROWS_MAX RATIO_MAX: writes the rows of a two-dimensional dataset to
// standard output in the frames of hdf5_frames.h. The one program that links libhdf5, which parses whatever a
// file says in C: it runs apart, without network, write access or much memory, and a crash of it is an error
// message of the loader.
#include <hdf5.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>

#include "base/bytes.h"
#include "datasets/hdf5_frames.h"
#include "datasets/hdf5_sandbox.h"

namespace kith {
namespace {

constexpr uint64_t kFrameBytesWanted = uint64_t{1} << 20;
constexpr size_t kCacheBytes = size_t{64} << 20;
constexpr uint64_t kChunkBytesMax = uint64_t{256} << 20;
constexpr uint64_t kRatioJudgedFrom = uint64_t{64} << 20;

struct Request {
  std::string path;
  std::string dataset;
  uint64_t first_row = 0;
  uint64_t rows_max = 0;
  uint64_t ratio_max = 0;
};

struct Table {
  hid_t dataset = H5I_INVALID_HID;
  hid_t space = H5I_INVALID_HID;
  hid_t memory_type = H5I_INVALID_HID;
  Element element = Element::kF32;
  uint64_t rows = 0;
  uint32_t dim = 0;
};

Result<void> write_all(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return unavailable("the reader is gone");
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  return {};
}

Result<void> choose_type(Table& table) {
  const hid_t type = H5Dget_type(table.dataset);
  const H5T_class_t kind = H5Tget_class(type);
  const size_t bytes = H5Tget_size(type);
  if (kind == H5T_FLOAT) {
    table.element = Element::kF32;
    table.memory_type = H5T_NATIVE_FLOAT;
  } else if (kind == H5T_INTEGER && bytes == 1) {
    const bool with_sign = H5Tget_sign(type) == H5T_SGN_2;
    table.element = with_sign ? Element::kI8 : Element::kU8;
    table.memory_type = with_sign ? H5T_NATIVE_INT8 : H5T_NATIVE_UINT8;
  } else if (kind == H5T_INTEGER) {
    table.element = Element::kI32;
    table.memory_type = H5T_NATIVE_INT32;
  } else {
    return invalid_argument("dataset holds neither floats nor integers");
  }
  return {};
}

// The declared shape against what the file stores: rows that were never written would come as zeros without
// end.
Result<void> check_storage(const Table& table, const Request& request) {
  uint64_t bytes = 0;
  const hid_t type = H5Dget_type(table.dataset);
  if (__builtin_mul_overflow(table.rows, uint64_t{table.dim} * H5Tget_size(type), &bytes))
    return corruption("dataset '{}' declares {} × {} elements, more than any file", request.dataset,
                      table.rows, table.dim);
  const uint64_t stored = H5Dget_storage_size(table.dataset);
  const hid_t layout = H5Dget_create_plist(table.dataset);
  if (H5Pget_layout(layout) == H5D_CHUNKED) {
    hsize_t chunk[2] = {0, 0};
    uint64_t elements = 0;
    if (H5Pget_chunk(layout, 2, chunk) != 2 || __builtin_mul_overflow(chunk[0], chunk[1], &elements) ||
        elements > kChunkBytesMax / H5Tget_size(type))
      return invalid_argument("dataset '{}' has chunks of more than {} bytes", request.dataset,
                              kChunkBytesMax);
    if (bytes <= kRatioJudgedFrom || bytes / request.ratio_max <= stored) return {};
  } else if (stored >= bytes) {
    return {};
  }
  return corruption("dataset '{}' declares {} rows of {} elements, but only {} bytes are stored",
                    request.dataset, table.rows, table.dim, stored);
}

// A file is read for what is in it: other files it names are not opened, sandbox or not.
Result<void> check_inside(const Table& table, const Request& request) {
  const hid_t layout = H5Dget_create_plist(table.dataset);
  if (H5Pget_external_count(layout) == 0 && H5Pget_layout(layout) != H5D_VIRTUAL) return {};
  return invalid_argument("dataset '{}' is stored in other files, which is not followed", request.dataset);
}

// A filtered chunk that is larger than the whole cache is unpacked anew for every block read from it.
size_t cache_bytes_wanted(const Table& table) {
  const hid_t layout = H5Dget_create_plist(table.dataset);
  hsize_t chunk[2] = {0, 0};
  if (H5Pget_layout(layout) != H5D_CHUNKED || H5Pget_chunk(layout, 2, chunk) != 2) return kCacheBytes;
  // check_storage has bounded the product by kChunkBytesMax.
  return std::max<size_t>(kCacheBytes, chunk[0] * chunk[1] * H5Tget_size(H5Dget_type(table.dataset)));
}

herr_t refuse_link(const char*, const char*, const char*, const char*, unsigned*, hid_t, void*) {
  return -1;
}

hid_t open_dataset(hid_t file, const Request& request, size_t cache_bytes) {
  const hid_t access = H5Pcreate(H5P_DATASET_ACCESS);
  H5Pset_chunk_cache(access, 12421, cache_bytes, 1.0);
  H5Pset_elink_cb(access, refuse_link, nullptr);
  return H5Dopen2(file, request.dataset.c_str(), access);
}

Result<Table> open_table(hid_t file, const Request& request) {
  Table table;
  table.dataset = open_dataset(file, request, kCacheBytes);
  if (table.dataset < 0)
    return invalid_argument(
        "has no dataset '{}'; an ANN-Benchmarks file has train, test, neighbors, distances", request.dataset);
  table.space = H5Dget_space(table.dataset);
  if (H5Sget_simple_extent_ndims(table.space) != 2)
    return invalid_argument("dataset '{}' has not two dimensions (rows × elements)", request.dataset);
  hsize_t shape[2] = {0, 0};
  if (H5Sget_simple_extent_dims(table.space, shape, nullptr) != 2)
    return corruption("dataset '{}': its shape cannot be read", request.dataset);
  if (shape[1] < 1 || shape[1] > kReaderDimMax)
    return invalid_argument("dataset '{}' has dimension {}, not in 1..{}", request.dataset, shape[1],
                            kReaderDimMax);
  table.rows = shape[0];
  table.dim = static_cast<uint32_t>(shape[1]);
  TRY(check_inside(table, request));
  TRY(choose_type(table));
  TRY(check_storage(table, request));
  const size_t cache_bytes = cache_bytes_wanted(table);
  if (cache_bytes == kCacheBytes) return table;
  // The size of a cache is fixed when its dataset is opened.
  H5Dclose(table.dataset);
  table.dataset = open_dataset(file, request, cache_bytes);
  if (table.dataset < 0) return corruption("dataset '{}' cannot be opened again", request.dataset);
  return table;
}

// Integers beyond int32 are an error, not clipped in silence; floats beyond f32 become infinite.
H5T_conv_ret_t on_conversion(H5T_conv_except_t kind, hid_t, hid_t to, void*, void*, void*) {
  const bool out_of_range = kind == H5T_CONV_EXCEPT_RANGE_HI || kind == H5T_CONV_EXCEPT_RANGE_LOW;
  return out_of_range && H5Tget_class(to) == H5T_INTEGER ? H5T_CONV_ABORT : H5T_CONV_UNHANDLED;
}

Result<void> send_rows(const Table& table, uint64_t first, uint64_t count) {
  TRY(write_all(encode_hello({table.element, count, table.dim})));
  const uint64_t row_bytes = uint64_t{table.dim} * element_bytes(table.element);
  const uint64_t block = std::clamp<uint64_t>(kFrameBytesWanted / row_bytes, 1, kFrameRowsMax);
  std::vector<std::byte> body(std::min(block, std::max<uint64_t>(count, 1)) * row_bytes);
  const hid_t transfer = H5Pcreate(H5P_DATASET_XFER);
  H5Pset_type_conv_cb(transfer, on_conversion, nullptr);
  for (uint64_t done = 0; done < count;) {
    const hsize_t start[2] = {first + done, 0};
    const hsize_t extent[2] = {std::min(block, count - done), table.dim};
    const hid_t memory = H5Screate_simple(2, extent, nullptr);
    const bool read =
        H5Sselect_hyperslab(table.space, H5S_SELECT_SET, start, nullptr, extent, nullptr) >= 0 &&
        H5Dread(table.dataset, table.memory_type, memory, table.space, transfer, body.data()) >= 0;
    H5Sclose(memory);
    if (!read)
      return corruption("rows {} to {} cannot be read: cut short, damaged, or integers beyond 32 bits",
                        start[0], start[0] + extent[0] - 1);
    const auto bytes = std::span<const std::byte>(body).first(extent[0] * row_bytes);
    TRY(write_all(encode_rows_header(static_cast<uint32_t>(extent[0]), bytes)));
    TRY(write_all(bytes));
    done += extent[0];
  }
  return write_all(encode_end(count));
}

Result<void> run(const Request& request) {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  H5PLset_loading_state(0);
  const hid_t file = H5Fopen(request.path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  if (file < 0) return invalid_argument("is not an HDF5 file, or is cut short");
  const Table table = TRY(open_table(file, request));
  forbid_opening();
  const uint64_t first = std::min(request.first_row, table.rows);
  return send_rows(table, first, std::min(request.rows_max, table.rows - first));
}

std::optional<uint64_t> parse_number(std::string_view text) {
  uint64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace
}  // namespace kith

int main(int count, char** arguments) {
  using namespace kith;
  if (count != 6 || !parse_number(arguments[3]) || !parse_number(arguments[4]) ||
      parse_number(arguments[5]).value_or(0) == 0) {
    fmt::print(stderr, "usage: kith-hdf5 FILE DATASET FIRST_ROW ROWS_MAX RATIO_MAX\n");
    return 2;
  }
  enter_sandbox();
  const Result<void> done = run({arguments[1], arguments[2], *parse_number(arguments[3]),
                                 *parse_number(arguments[4]), *parse_number(arguments[5])});
  if (!done.ok()) (void)write_all(encode_error(done.error()));
  // Not exit(): the library's clean-up of a damaged file is code nobody needs to run.
  _exit(0);
}
