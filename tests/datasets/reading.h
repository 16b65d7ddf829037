// Helpers of the reader tests: write bytes, read all rows, pack with the real libraries.
#pragma once

#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/reader.h"
#include "tests/support/result_matchers.h"
#include "tests/support/temp_dir.h"

namespace kith::test {

template <typename T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <typename T>
std::string vecs_file(const std::vector<std::vector<T>>& rows) {
  std::string out;
  for (const std::vector<T>& row : rows) {
    put(out, static_cast<int32_t>(row.size()));
    for (const T x : row) put(out, x);
  }
  return out;
}

template <typename T>
std::string bin_file(uint32_t rows, uint32_t dim, const std::vector<T>& elements) {
  std::string out;
  put(out, rows);
  put(out, dim);
  for (const T x : elements) put(out, x);
  return out;
}

template <typename T>
std::string npy_file(int version, const std::string& dict, const std::vector<T>& elements) {
  std::string out("\x93NUMPY", 6);
  out += static_cast<char>(version);
  out += '\0';
  if (version == 1) {
    put(out, static_cast<uint16_t>(dict.size()));
  } else {
    put(out, static_cast<uint32_t>(dict.size()));
  }
  out += dict;
  for (const T x : elements) put(out, x);
  return out;
}

/// Everything a file gives, in batches of `batch_rows`.
struct Rows {
  ReaderInfo info;
  std::vector<std::byte> data;
  std::vector<FileId> ids;
  std::vector<std::string> payloads;
  size_t count = 0;

  std::vector<float> f32() const {
    std::vector<float> values(data.size() / sizeof(float));
    std::memcpy(values.data(), data.data(), values.size() * sizeof(float));
    return values;
  }
  std::vector<int> u8() const {
    std::vector<int> values;
    for (const std::byte b : data) values.push_back(static_cast<int>(b));
    return values;
  }
};

inline Result<Rows> read_rows(const std::string& path, const ReaderOptions& options = {},
                              size_t batch_rows = 2) {
  auto reader = TRY(open_reader(path, options));
  Rows rows;
  rows.info = reader->info();
  for (;;) {
    ReadBatch batch = TRY(reader->next(batch_rows));
    if (batch.count == 0) break;
    CHECK(batch.count <= batch_rows);
    CHECK(batch.data.size() == batch.count * vector_bytes(rows.info.type, rows.info.dim));
    CHECK(batch.first_row == options.first_row + rows.count);
    rows.data.insert(rows.data.end(), batch.data.begin(), batch.data.end());
    rows.ids.insert(rows.ids.end(), batch.ids.begin(), batch.ids.end());
    rows.payloads.insert(rows.payloads.end(), batch.payloads.begin(), batch.payloads.end());
    rows.count += batch.count;
  }
  CHECK(reader->bytes_read() <= reader->info().file_bytes);
  return rows;
}

inline std::string pack_zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

inline std::string pack_xz(const std::string& text) {
  std::string out(lzma_stream_buffer_bound(text.size()), '\0');
  size_t bytes = 0;
  CHECK(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC32, nullptr, reinterpret_cast<const uint8_t*>(text.data()),
                                text.size(), reinterpret_cast<uint8_t*>(out.data()), &bytes,
                                out.size()) == LZMA_OK);
  out.resize(bytes);
  return out;
}

inline std::string pack_gzip(const std::string& text) {
  z_stream stream{};
  CHECK(deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

inline std::string pack(const std::string& extension, const std::string& text) {
  return extension == ".zst" ? pack_zstd(text) : extension == ".xz" ? pack_xz(text) : pack_gzip(text);
}

}  // namespace kith::test
