// Goal: fvecs, bvecs, ivecs, fbin, u8bin and npy give the rows that were written, and no cut or lying file is
// taken for whole. Method: small files written by hand, every prefix of them, and headers that claim the
// impossible.
#include <cmath>
#include <limits>

#include "datasets/ground_truth.h"
#include "tests/datasets/reading.h"

namespace kith::test {
namespace {

using Floats = std::vector<float>;

struct Sample {
  std::string name;
  std::string bytes;
  ScalarType type;
  std::vector<float> rows;  // 3 × 2
};

std::vector<Sample> samples() {
  const Floats floats{1.5f, -2, 0, 4, 5, 6.25f};
  const Floats whole{1, 2, 3, 4, 255, 0};
  const std::vector<uint8_t> bytes{1, 2, 3, 4, 255, 0};
  const std::vector<double> doubles{1.5, -2, 0, 4, 5, 6.25};
  const std::string dict = "'fortran_order': False, 'shape': (3, 2), }\n";
  const std::vector<uint16_t> halves{0x3e00, 0xc000, 0, 0x4400, 0x4500, 0x4640};
  return {
      {"a.fvecs", vecs_file<float>({{1.5f, -2}, {0, 4}, {5, 6.25f}}), ScalarType::kF32, floats},
      {"a.bvecs", vecs_file<uint8_t>({{1, 2}, {3, 4}, {255, 0}}), ScalarType::kU8, whole},
      {"a.ivecs", vecs_file<int32_t>({{1, 2}, {3, 4}, {255, 0}}), ScalarType::kF32, whole},
      {"a.fbin", bin_file<float>(3, 2, floats), ScalarType::kF32, floats},
      {"a.u8bin", bin_file<uint8_t>(3, 2, bytes), ScalarType::kU8, whole},
      {"f4.npy", npy_file<float>(1, "{'descr': '<f4', " + dict, floats), ScalarType::kF32, floats},
      {"f2.npy", npy_file<uint16_t>(2, "{'descr': '<f2', " + dict, halves), ScalarType::kF32, floats},
      {"f8.npy", npy_file<double>(3, "{'descr': '<f8', " + dict, doubles), ScalarType::kF32, floats},
      {"u1.npy", npy_file<uint8_t>(1, "{'descr': '|u1', " + dict, bytes), ScalarType::kU8, whole},
      {"i1.npy",
       npy_file<int8_t>(1, "{'descr': '|i1', " + dict, {1, 2, 3, 4, -1, 0}),
       ScalarType::kI8,
       {1, 2, 3, 4, -1, 0}},
  };
}

Floats as_floats(const Rows& rows) {
  const Matrix matrix{rows.data, rows.info.type, rows.info.dim, rows.count};
  const Matrix converted = to_f32_matrix(matrix);
  Floats values(converted.data.size() / sizeof(float));
  std::memcpy(values.data(), converted.data.data(), converted.data.size());
  return values;
}

TEST(PackedFormats, GiveWhatWasWritten) {
  const TempDir dir;
  for (const Sample& sample : samples()) {
    SCOPED_TRACE(sample.name);
    write_bytes(dir / sample.name, sample.bytes);
    ASSERT_VALUE(rows, read_rows(dir / sample.name));
    EXPECT_EQ(rows.info.dim, 2u);
    EXPECT_EQ(rows.info.type, sample.type);
    EXPECT_EQ(rows.info.rows, std::optional<uint64_t>(3));
    EXPECT_EQ(rows.info.file_bytes, sample.bytes.size());
    EXPECT_EQ(as_floats(rows), sample.rows);
    EXPECT_TRUE(rows.ids.empty() && rows.payloads.empty());
  }
}

TEST(PackedFormats, PackedFilesGiveTheSame) {
  const TempDir dir;
  for (const Sample& sample : samples()) {
    for (const std::string extension : {".xz", ".zst", ".gz"}) {
      SCOPED_TRACE(sample.name + extension);
      write_bytes(dir / (sample.name + extension), pack(extension, sample.bytes));
      ASSERT_VALUE(rows, read_rows(dir / (sample.name + extension)));
      EXPECT_EQ(as_floats(rows), sample.rows);
    }
  }
}

TEST(PackedFormats, SkipAndLimitRows) {
  const TempDir dir;
  for (const Sample& sample : samples()) {
    for (const std::string extension : {"", ".zst"}) {
      SCOPED_TRACE(sample.name + extension);
      const std::string path = dir / (sample.name + extension);
      write_bytes(path, extension.empty() ? sample.bytes : pack(extension, sample.bytes));
      ReaderOptions options;
      options.first_row = 1;
      options.rows_max = 1;
      ASSERT_VALUE(rows, read_rows(path, options));
      EXPECT_EQ(as_floats(rows), Floats(sample.rows.begin() + 2, sample.rows.begin() + 4));
      options.first_row = 9;
      ASSERT_VALUE(none, read_rows(path, options));
      EXPECT_EQ(none.count, 0u);
    }
  }
}

TEST(PackedFormats, EveryCutIsAnErrorOrWholeRows) {
  const TempDir dir;
  for (const Sample& sample : samples()) {
    for (size_t bytes = 0; bytes < sample.bytes.size(); ++bytes) {
      SCOPED_TRACE(sample.name + " cut to " + std::to_string(bytes));
      write_bytes(dir / sample.name, sample.bytes.substr(0, bytes));
      const Result<Rows> rows = read_rows(dir / sample.name);
      // A vecs file has no header: whole rows are a whole file. All others know how long they are.
      const bool vecs = sample.name.find("vecs") != std::string::npos;
      if (vecs && bytes > 0 && bytes % (sample.bytes.size() / 3) == 0) {
        ASSERT_OK(rows);
        EXPECT_EQ(rows->count, bytes / (sample.bytes.size() / 3));
        continue;
      }
      ASSERT_FALSE(rows.ok());
      EXPECT_NE(rows.error().message.find(dir / sample.name), std::string::npos) << rows.error().message;
    }
  }
}

// A packed file's size is not known before it is read, so here the cut is found on the way.
TEST(PackedFormats, EveryCutInsideAPackedStreamIsAnErrorOrWholeRows) {
  const TempDir dir;
  for (const Sample& sample : samples()) {
    for (size_t bytes = 0; bytes < sample.bytes.size(); ++bytes) {
      SCOPED_TRACE(sample.name + ".zst cut to " + std::to_string(bytes));
      write_bytes(dir / (sample.name + ".zst"), pack_zstd(sample.bytes.substr(0, bytes)));
      const Result<Rows> rows = read_rows(dir / (sample.name + ".zst"));
      const bool vecs = sample.name.find("vecs") != std::string::npos;
      const bool whole = vecs && bytes > 0 && bytes % (sample.bytes.size() / 3) == 0;
      EXPECT_EQ(rows.ok(), whole);
    }
  }
}

TEST(PackedFormats, TrailingBytesAreAnError) {
  const TempDir dir;
  for (const Sample& sample : samples()) {
    SCOPED_TRACE(sample.name);
    write_bytes(dir / sample.name, sample.bytes + "x");
    EXPECT_ERROR(read_rows(dir / sample.name), Code::kCorruption, "byte");
    write_bytes(dir / (sample.name + ".gz"), pack_gzip(sample.bytes + "x"));
    EXPECT_ERROR(read_rows(dir / (sample.name + ".gz")), Code::kCorruption, "byte");
  }
}

TEST(PackedFormats, LyingHeadersAllocateNothing) {
  const TempDir dir;
  const auto read = [&](const std::string& name, const std::string& bytes) {
    write_bytes(dir / name, bytes);
    return read_rows(dir / name, {}, 1u << 30);
  };
  constexpr uint32_t kMax = 0xffffffff;
  EXPECT_ERROR(read("a.fbin", bin_file<float>(kMax, kMax, {1})), Code::kInvalidArgument,
               "dimension 4294967295");
  EXPECT_ERROR(read("a.fbin", bin_file<float>(kMax, 65535, {1})), Code::kCorruption, "4294967295 rows");
  EXPECT_ERROR(read("a.fbin", bin_file<float>(1, 0, {1})), Code::kInvalidArgument, "dimension 0");
  EXPECT_ERROR(read("a.fbin.zst", pack_zstd(bin_file<float>(kMax, 65535, {1}))), Code::kCorruption,
               "cut short");
  EXPECT_ERROR(read("a.fvecs", bin_file<float>(kMax, 3, {1})), Code::kInvalidArgument, "dimension -1");
  EXPECT_ERROR(read("a.fvecs", bin_file<float>(0, 3, {1})), Code::kInvalidArgument, "dimension 0");
  EXPECT_ERROR(read("a.fvecs", bin_file<float>(65536, 3, {1})), Code::kInvalidArgument, "65536");
  const std::string huge =
      "{'descr': '<f4', 'fortran_order': False, 'shape': (18446744073709551615, 65535), }\n";
  EXPECT_ERROR(read("a.npy", npy_file<float>(1, huge, {1})), Code::kCorruption, "18446744073709551615 rows");
  EXPECT_ERROR(read("a.npy.zst", pack_zstd(npy_file<float>(1, huge, {1}))), Code::kCorruption, "cut short");
  std::string long_header("\x93NUMPY\x02\x00", 8);
  put(long_header, kMax);
  EXPECT_ERROR(read("a.npy", long_header), Code::kInvalidArgument, "header of 4294967295 bytes");
}

TEST(PackedFormats, MixedDimensionsNameRowAndByte) {
  const TempDir dir;
  // Two rows of 2 and one of 5 elements: 36 bytes are three times the first row's size all the same.
  const std::string bytes = vecs_file<float>({{1, 2}, {1, 2, 3, 4, 5}});
  ASSERT_EQ(bytes.size() % 12, 0u);
  write_bytes(dir / "a.fvecs", bytes);
  EXPECT_ERROR(read_rows(dir / "a.fvecs"), Code::kInvalidArgument, "row 1 at byte 12 says dimension 5");
}

TEST(PackedFormats, NanAndInfinityPass) {
  const TempDir dir;
  write_bytes(dir / "a.fvecs", vecs_file<float>({{NAN, INFINITY}}));
  ASSERT_VALUE(rows, read_rows(dir / "a.fvecs"));
  EXPECT_TRUE(std::isnan(rows.f32()[0]));
  EXPECT_TRUE(std::isinf(rows.f32()[1]));
  const std::string dict = "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 3), }\n";
  write_bytes(dir / "a.npy", npy_file<double>(1, dict, {1e300, -1e300, std::nan("")}));
  ASSERT_VALUE(doubles, read_rows(dir / "a.npy"));
  EXPECT_EQ(doubles.f32()[0], HUGE_VALF);
  EXPECT_EQ(doubles.f32()[1], -HUGE_VALF);
  EXPECT_TRUE(std::isnan(doubles.f32()[2]));
}

TEST(PackedFormats, NpyRefusesWhatItCannotRead) {
  const TempDir dir;
  const auto read = [&](const std::string& dict) {
    write_bytes(dir / "a.npy", npy_file<float>(1, dict, {1, 2}));
    return read_rows(dir / "a.npy");
  };
  EXPECT_OK(read("{\"descr\": \"<f4\", \"fortran_order\": False, \"shape\": (1,2)}\n"));
  EXPECT_ERROR(read("{'descr': '>f4', 'fortran_order': False, 'shape': (1, 2), }"), Code::kInvalidArgument,
               "descr");
  EXPECT_ERROR(read("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 2), }"), Code::kInvalidArgument,
               "order");
  EXPECT_ERROR(read("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }"), Code::kInvalidArgument,
               "shape");
  EXPECT_ERROR(read("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 2)}"), Code::kInvalidArgument,
               "shape");
  EXPECT_ERROR(read("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 0)}"), Code::kInvalidArgument,
               "dimension");
  EXPECT_ERROR(read("{'descr'"), Code::kInvalidArgument, "descr");
  write_bytes(dir / "a.npy", "\x93NUMPX\x01 and so on");
  EXPECT_ERROR(read_rows(dir / "a.npy"), Code::kInvalidArgument, "magic");
}

TEST(PackedFormats, IntegersBeyondF32AreRefusedAsVectorsAndKeptAsNeighbors) {
  const TempDir dir;
  write_bytes(dir / "a.ivecs", vecs_file<int32_t>({{16777217, -1}}));
  EXPECT_ERROR(read_rows(dir / "a.ivecs"), Code::kInvalidArgument, "16777217");
  ASSERT_VALUE(neighbors, read_neighbors(dir / "a.ivecs", {}));
  EXPECT_EQ(neighbors.ids, (std::vector<int32_t>{16777217, -1}));
  EXPECT_EQ(neighbors.k, 2u);
  EXPECT_ERROR(read_neighbors(dir / "a.fvecs", {}), Code::kInvalidArgument, ".ivecs");
}

TEST(PackedFormats, WrittenMatricesReadBack) {
  const TempDir dir;
  const Matrix u8{{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}}, ScalarType::kU8, 2, 2};
  const Matrix f32 = to_f32_matrix(u8);
  for (const auto& [name, matrix] : {std::pair{"a.fvecs", &f32},
                                     {"a.fbin", &f32},
                                     {"a.npy", &f32},
                                     {"a.bvecs", &u8},
                                     {"a.u8bin", &u8},
                                     {"b.npy", &u8}}) {
    SCOPED_TRACE(name);
    ASSERT_OK(write_matrix(dir / name, *matrix));
    ASSERT_VALUE(read, read_matrix(dir / name, {}));
    EXPECT_EQ(read.data, matrix->data);
    EXPECT_EQ(read.type, matrix->type);
    EXPECT_EQ(read.rows, 2u);
  }
  EXPECT_ERROR(write_matrix(dir / "c.fvecs", u8), Code::kInvalidArgument, "u8");
}

TEST(PackedFormats, UnknownOrMissingFilesAreNamed) {
  const TempDir dir;
  EXPECT_ERROR(read_rows(dir / "a.parquet"), Code::kInvalidArgument, "extension");
  EXPECT_ERROR(read_rows(dir / "none.fvecs"), Code::kNotFound, "none.fvecs");
  EXPECT_TRUE(is_vector_file("x.fvecs.xz"));
  EXPECT_TRUE(is_vector_file("x.hdf5"));
  EXPECT_FALSE(is_vector_file("x.hdf5.gz"));
  EXPECT_FALSE(is_vector_file("x.txt"));
}

}  // namespace
}  // namespace kith::test
