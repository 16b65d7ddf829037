// Goal: HDF5 files of the ANN-Benchmarks layout are read through the child process, lying and damaged ones
// are errors, and a child that lies or dies does no harm. Method: files written by the real library
// (kith-hdf5-fixture), cuts and flipped bytes of them, and hand-made frames.
#include <sys/resource.h>

#include <cstdlib>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/random.h"
#include "datasets/child.h"
#include "datasets/hdf5_frames.h"
#include "tests/datasets/reading.h"
#include "tests/support/child_process.h"

namespace kith::test {
namespace {

/// Processor time of the children that have ended.
double seconds_of_children() {
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec) + static_cast<double>(usage.ru_utime.tv_usec) / 1e6;
}

class Hdf5 : public testing::Test {
 protected:
  void SetUp() override {
    const std::string fixture = find_executable("kith-hdf5-fixture");
    ASSERT_FALSE(fixture.empty());
    ASSERT_EQ(run_child({fixture, dir_.path()}).exit.code, 0);
  }
  Result<Rows> read(const std::string& file, const std::string& dataset, uint64_t first_row = 0) {
    ReaderOptions options;
    options.hdf5_dataset = dataset;
    options.first_row = first_row;
    return read_rows(dir_ / file, options, 999);
  }
  TempDir dir_;
};

TEST_F(Hdf5, GivesRowsOfEveryLayout) {
  for (const char* dataset : {"train", "packed"}) {
    SCOPED_TRACE(dataset);
    ASSERT_VALUE(rows, read("good.hdf5", dataset));
    EXPECT_EQ(rows.info.dim, 3u);
    EXPECT_EQ(rows.info.rows, std::optional<uint64_t>(5000));
    ASSERT_EQ(rows.count, 5000u);
    const std::vector<float> values = rows.f32();
    for (size_t i = 0; i < values.size(); ++i)
      ASSERT_EQ(values[i], static_cast<float>(i / 3) + static_cast<float>(i % 3) / 4) << i;
  }
  ASSERT_VALUE(bytes, read("good.hdf5", "bytes"));
  EXPECT_EQ(bytes.info.type, ScalarType::kU8);
  EXPECT_EQ(bytes.u8(), (std::vector<int>{1, 255}));
  ASSERT_VALUE(none, read("good.hdf5", "none"));
  EXPECT_EQ(none.count, 0u);
}

TEST_F(Hdf5, SkipsRowsAndReadsNeighborsExactly) {
  ASSERT_VALUE(rows, read("good.hdf5", "train", 4998));
  EXPECT_EQ(rows.f32(), (std::vector<float>{4998, 4998.25f, 4998.5f, 4999, 4999.25f, 4999.5f}));
  ReaderOptions options;
  options.hdf5_dataset = "neighbors";
  ASSERT_VALUE(neighbors, read_neighbors(dir_ / "good.hdf5", options));
  EXPECT_EQ(neighbors.ids, (std::vector<int32_t>{3, 2, 1, 16777217, -1, 0}));
  options.hdf5_dataset = "train";
  EXPECT_ERROR(read_neighbors(dir_ / "good.hdf5", options), Code::kInvalidArgument, "integers");
}

TEST_F(Hdf5, FaultsAreNamed) {
  EXPECT_ERROR(read("good.hdf5", "absent"), Code::kInvalidArgument, "no dataset 'absent'");
  EXPECT_ERROR(read("good.hdf5", "line"), Code::kInvalidArgument, "two dimensions");
  EXPECT_ERROR(read("good.hdf5", "beyond"), Code::kCorruption, "beyond 32 bits");
  EXPECT_ERROR(read("lies.h5", "late"), Code::kCorruption, "only 0 bytes are stored");
  EXPECT_ERROR(read("lies.h5", "chunks"), Code::kCorruption, "only 0 bytes are stored");
  EXPECT_ERROR(read("lies.h5", "wide"), Code::kInvalidArgument, "dimension 70000");
  EXPECT_ERROR(read("lies.h5", "big-chunk"), Code::kInvalidArgument, "chunks");
  EXPECT_ERROR(read("none.h5", "train"), Code::kNotFound, "none.h5");
  write_bytes(dir_ / "text.h5", "hello");
  EXPECT_ERROR(read("text.h5", "train"), Code::kInvalidArgument, "not an HDF5 file");
}

// Chunks are unpacked once each, not once for every block of rows: that would be 80 times here. Measured in
// processor time of the child, which other load on the machine does not change.
TEST_F(Hdf5, LargeChunksAreUnpackedOnce) {
  const std::string fixture = find_executable("kith-hdf5-fixture");
  ASSERT_EQ(run_child({fixture, dir_.path(), "chunks"}).exit.code, 0);
  auto seconds_to_read = [&](const char* dataset) -> double {
    SCOPED_TRACE(dataset);
    const double before = seconds_of_children();
    const Result<Rows> rows = read("chunks.hdf5", dataset);
    EXPECT_OK(rows);
    if (!rows.ok()) return 0;
    EXPECT_EQ(rows->count, 20'480u);
    for (size_t i = 0; i < rows->data.size(); i += 997)
      if (rows->data[i] != static_cast<std::byte>(i / 4096)) ADD_FAILURE() << "byte " << i;
    return seconds_of_children() - before;
  };
  const double small = seconds_to_read("small");
  EXPECT_LT(seconds_to_read("large"), 8 * small);
}

// A dataset may name other files as its storage; reading it must not give their bytes.
TEST_F(Hdf5, OtherFilesAreNotFollowed) {
  EXPECT_ERROR(read("lies.h5", "outside"), Code::kInvalidArgument, "other files");
  EXPECT_ERROR(read("lies.h5", "mapped"), Code::kInvalidArgument, "other files");
  EXPECT_ERROR(read("lies.h5", "linked"), Code::kInvalidArgument, "no dataset 'linked'");
}

TEST_F(Hdf5, CutsAndFlippedBytesNeverCrashUs) {
  const std::string good = read_bytes(dir_ / "good.hdf5");
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    std::string damaged = good;
    if (seed % 2 == 0) {
      damaged.resize(random.below(good.size()));
    } else {
      // Flips in the first bytes meet headers, not values.
      for (int flips = 0; flips < 20; ++flips)
        damaged[random.below(4096)] ^= static_cast<char>(1 << random.below(8));
    }
    write_bytes(dir_ / "damaged.h5", damaged);
    const Result<Rows> rows = read("damaged.h5", "train");
    EXPECT_TRUE(!rows.ok() ||
                rows->data.size() == rows->count * vector_bytes(rows->info.type, rows->info.dim));
  }
}

std::string frame_text(const std::vector<std::byte>& bytes) {
  return std::string(as_text(bytes));
}

Result<size_t> read_frames(const std::string& text, size_t batch = 2) {
  auto stream = std::make_unique<InputStream>("x.h5", memory_source(as_bytes(text)));
  auto reader = TRY(make_frame_reader(std::move(stream), FrameElements::kConverted, 0));
  size_t count = 0;
  for (;;) {
    const ReadBatch rows = TRY(reader->next(batch));
    if (rows.count == 0) return count;
    count += rows.count;
  }
}

std::string good_frames() {
  std::vector<std::byte> body(3 * 2 * 4);
  std::string text = frame_text(encode_hello({Element::kF32, 3, 2}));
  text += frame_text(encode_rows_header(3, body)) + frame_text(body);
  return text + frame_text(encode_end(3));
}

TEST(Hdf5Frames, EveryCutAndEveryFlippedByteIsAnError) {
  const std::string good = good_frames();
  ASSERT_VALUE(count, read_frames(good));
  EXPECT_EQ(count, 3u);
  for (size_t i = 0; i < good.size(); ++i) {
    SCOPED_TRACE(i);
    EXPECT_FALSE(read_frames(good.substr(0, i)).ok());
    std::string damaged = good;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x40);
    EXPECT_FALSE(read_frames(damaged).ok());
  }
}

TEST(Hdf5Frames, LyingCountsAreRefusedBeforeAnythingIsAllocated) {
  std::string text = frame_text(encode_hello({Element::kF32, UINT64_MAX, 65535}));
  text += frame_text(encode_rows_header(0xfffffffe, {}));
  EXPECT_ERROR(read_frames(text, 1u << 30), Code::kCorruption, "more rows than announced");
  EXPECT_ERROR(read_frames(frame_text(encode_hello({Element::kF32, 1, 0}))), Code::kInvalidArgument,
               "dimension 0");
  EXPECT_ERROR(read_frames(frame_text(encode_hello({Element::kF64, 1, 1}))), Code::kCorruption,
               "element type");
  text = frame_text(encode_hello({Element::kF32, 2, 2})) + frame_text(encode_end(2));
  EXPECT_ERROR(read_frames(text), Code::kCorruption, "fewer rows");
}

TEST(Hdf5Frames, ErrorsPassThrough) {
  const std::string error = frame_text(encode_error(make_error(Code::kResourceExhausted, "out of luck")));
  EXPECT_ERROR(read_frames(error), Code::kResourceExhausted, "file 'x.h5': out of luck");
  EXPECT_ERROR(read_frames(frame_text(encode_hello({Element::kF32, 2, 2})) + error), Code::kResourceExhausted,
               "luck");
}

TEST(Child, DeathAndAbsenceAreErrors) {
  std::byte buffer[16];
  ASSERT_VALUE(dies, start_child({"sh", "-c", "kill -SEGV $$"}, true));
  EXPECT_ERROR(dies->read(buffer), Code::kCorruption, "signal 11");
  ASSERT_VALUE(fails, start_child({"sh", "-c", "exit 3"}, true));
  EXPECT_ERROR(fails->read(buffer), Code::kCorruption, "code 3");
  EXPECT_ERROR(start_child({"kith-no-such-program"}, true), Code::kNotFound, "kith-no-such-program");
  // Destroying a source ends its child: this test would otherwise last an hour.
  ASSERT_OK(start_child({"sleep", "3600"}, true));
}

TEST_F(Hdf5, AHelperThatIsNotOursIsAnError) {
  setenv("KITH_HDF5", "/bin/true", 1);
  EXPECT_ERROR(read("good.hdf5", "train"), Code::kCorruption, "cut short");
  setenv("KITH_HDF5", "/bin/ls", 1);
  EXPECT_FALSE(read("good.hdf5", "train").ok());
  setenv("KITH_HDF5", "/nonexistent/kith-hdf5", 1);
  EXPECT_ERROR(read("good.hdf5", "train"), Code::kNotFound, "/nonexistent/kith-hdf5");
  unsetenv("KITH_HDF5");
}

}  // namespace
}  // namespace kith::test
