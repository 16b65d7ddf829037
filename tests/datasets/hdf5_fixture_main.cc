// kith-hdf5-fixture DIRECTORY [chunks]: writes the HDF5 files that hdf5_test.cc reads, with the real library;
// those of the usual tests, or the one with large chunks.
#include <hdf5.h>

#include <cstdint>
#include <string>
#include <vector>

namespace {

struct Table {
  const char* name;
  std::vector<hsize_t> shape;
  hid_t file_type;
  hid_t memory_type;
  const void* data;  // null: never written
};

void write_table(hid_t file, const Table& table, hid_t properties = H5P_DEFAULT) {
  const hid_t space = H5Screate_simple(static_cast<int>(table.shape.size()), table.shape.data(), nullptr);
  const hid_t dataset =
      H5Dcreate2(file, table.name, table.file_type, space, H5P_DEFAULT, properties, H5P_DEFAULT);
  if (table.data != nullptr) H5Dwrite(dataset, table.memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, table.data);
  H5Dclose(dataset);
  H5Sclose(space);
}

hid_t chunked(hsize_t rows, hsize_t elements) {
  const hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
  const hsize_t chunk[2] = {rows, elements};
  H5Pset_chunk(properties, 2, chunk);
  return properties;
}

// An ANN-Benchmarks file: 5,000 × 3 floats whose element d of row i is i + d / 4, and small tables beside it.
void write_good(const std::string& path) {
  const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  std::vector<float> train;
  for (int i = 0; i < 5000; ++i)
    for (int d = 0; d < 3; ++d) train.push_back(static_cast<float>(i) + static_cast<float>(d) / 4);
  write_table(file, {"train", {5000, 3}, H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, train.data()});
  const hid_t packed = chunked(700, 3);
  H5Pset_deflate(packed, 6);
  write_table(file, {"packed", {5000, 3}, H5T_IEEE_F64BE, H5T_NATIVE_FLOAT, train.data()}, packed);
  const std::vector<int64_t> neighbors{3, 2, 1, 16777217, -1, 0};
  write_table(file, {"neighbors", {2, 3}, H5T_STD_I64LE, H5T_NATIVE_INT64, neighbors.data()});
  const std::vector<int64_t> beyond{1, int64_t{1} << 40};
  write_table(file, {"beyond", {1, 2}, H5T_STD_I64LE, H5T_NATIVE_INT64, beyond.data()});
  const std::vector<uint8_t> bytes{1, 255};
  write_table(file, {"bytes", {1, 2}, H5T_STD_U8LE, H5T_NATIVE_UINT8, bytes.data()});
  write_table(file, {"line", {2}, H5T_STD_U8LE, H5T_NATIVE_UINT8, bytes.data()});
  write_table(file, {"none", {0, 3}, H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, train.data()});
  H5Fclose(file);
}

// Shapes far beyond what is stored, and storage in a file that is none of ours.
void write_lies(const std::string& path) {
  const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  write_table(file, {"late", {hsize_t{1} << 40, 100}, H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, nullptr});
  write_table(file, {"chunks", {hsize_t{1} << 40, 100}, H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, nullptr},
              chunked(64, 100));
  write_table(file, {"wide", {10, 70000}, H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, nullptr}, chunked(1, 70000));
  write_table(file, {"big-chunk", {1 << 20, 1000}, H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, nullptr},
              chunked(1 << 18, 1000));
  const hid_t outside = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_external(outside, "/etc/passwd", 0, 64);
  write_table(file, {"outside", {4, 4}, H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, nullptr}, outside);
  H5Lcreate_external("good.hdf5", "train", file, "linked", H5P_DEFAULT, H5P_DEFAULT);
  const hid_t mapped = H5Pcreate(H5P_DATASET_CREATE);
  const hsize_t shape[2] = {5000, 3};
  const hid_t space = H5Screate_simple(2, shape, nullptr);
  H5Pset_virtual(mapped, space, "good.hdf5", "train", space);
  write_table(file, {"mapped", {5000, 3}, H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, nullptr}, mapped);
  H5Fclose(file);
}

// The same 80 MiB in small chunks and in one that the reader's usual cache cannot hold.
void write_chunks(const std::string& path) {
  const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  constexpr hsize_t kRows = 20 << 10;
  constexpr hsize_t kElements = 4096;
  std::vector<uint8_t> data(kRows * kElements);
  for (hsize_t i = 0; i < data.size(); ++i) data[i] = static_cast<uint8_t>(i / kElements);
  for (const hsize_t chunk_rows : {hsize_t{256}, kRows}) {
    const hid_t packed = chunked(chunk_rows, kElements);
    H5Pset_deflate(packed, 1);
    write_table(file,
                {chunk_rows == kRows ? "large" : "small",
                 {kRows, kElements},
                 H5T_STD_U8LE,
                 H5T_NATIVE_UINT8,
                 data.data()},
                packed);
  }
  H5Fclose(file);
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2 && count != 3) return 2;
  const std::string directory = arguments[1];
  if (count == 3) {
    write_chunks(directory + "/chunks.hdf5");
    return 0;
  }
  write_good(directory + "/good.hdf5");
  write_lies(directory + "/lies.h5");
}
