// Goal: .zst, .xz and .gz unpack to what was packed, cut or damaged streams are errors, and bombs are
// stopped. Method: data packed by the real libraries; every cut and every flipped byte of small streams; tiny
// output buffers; zeros that unpack a thousandfold.
#include "datasets/decompress.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/random.h"
#include "tests/datasets/reading.h"

namespace kith::test {
namespace {

constexpr const char* kExtensions[] = {".zst", ".xz", ".gz"};

Result<std::string> unpack_all(const std::string& extension, std::string_view packed, size_t step = 4096,
                               const UnpackLimits& limits = {}) {
  auto source = TRY(unpack(packing_of(extension), "x" + extension, memory_source(as_bytes(packed)), limits));
  std::string out;
  std::vector<std::byte> buffer(step);
  for (;;) {
    const size_t bytes = TRY(source->read(buffer));
    if (bytes == 0) return out;
    out += as_text(std::span(buffer).first(bytes));
  }
}

std::string sample_text(size_t bytes, uint64_t seed) {
  Random random(seed);
  std::string text;
  while (text.size() < bytes) text += std::to_string(random.below(1000)) + " rows\n";
  return text.substr(0, bytes);
}

TEST(Decompress, GivesWhatWasPackedInAnySteps) {
  for (const std::string extension : kExtensions) {
    for (const size_t bytes : {size_t{0}, size_t{1}, size_t{1000}, size_t{1} << 20}) {
      SCOPED_TRACE(extension + " " + std::to_string(bytes));
      const std::string text = sample_text(bytes, bytes + 1);
      const std::string packed = pack(extension, text);
      ASSERT_VALUE(whole, unpack_all(extension, packed));
      EXPECT_TRUE(whole == text);
      ASSERT_VALUE(in_steps, unpack_all(extension, packed, 7));
      EXPECT_TRUE(in_steps == text);
    }
  }
}

TEST(Decompress, FramesThatFollowEachOtherAreOneStream) {
  for (const std::string extension : kExtensions) {
    SCOPED_TRACE(extension);
    ASSERT_VALUE(
        text, unpack_all(extension, pack(extension, "one ") + pack(extension, "") + pack(extension, "two")));
    EXPECT_EQ(text, "one two");
  }
}

TEST(Decompress, EveryCutIsCorruption) {
  for (const std::string extension : kExtensions) {
    const std::string packed = pack(extension, sample_text(300, 5));
    for (size_t bytes = 0; bytes < packed.size(); ++bytes) {
      SCOPED_TRACE(extension + " cut to " + std::to_string(bytes));
      EXPECT_ERROR(unpack_all(extension, packed.substr(0, bytes)), Code::kCorruption, "x" + extension);
    }
  }
}

TEST(Decompress, FlippedBytesNeverGiveOtherText) {
  for (const std::string extension : {".xz", ".gz"}) {  // zstd frames carry no checksum unless asked for one
    const std::string text = sample_text(300, 6);
    const std::string packed = pack(extension, text);
    for (size_t i = 0; i < packed.size(); ++i) {
      SCOPED_TRACE(extension + " flipped at " + std::to_string(i));
      std::string damaged = packed;
      damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
      const Result<std::string> result = unpack_all(extension, damaged);
      EXPECT_TRUE(!result.ok() || *result == text);  // some header bits mean nothing
    }
  }
}

TEST(Decompress, TrailingBytesAreAnError) {
  for (const std::string extension : kExtensions)
    EXPECT_FALSE(unpack_all(extension, pack(extension, "text") + "garbage").ok()) << extension;
}

TEST(Decompress, BombsAreStopped) {
  const std::string zeros(size_t{66} << 20, '\0');
  for (const std::string extension : kExtensions) {
    SCOPED_TRACE(extension);
    const std::string packed = pack(extension, zeros);
    EXPECT_ERROR(unpack_all(extension, packed, 1 << 20, {size_t{1} << 20, 2000}), Code::kInvalidArgument,
                 "more than 1048576 bytes");
    EXPECT_ERROR(unpack_all(extension, packed, 1 << 20, {size_t{1} << 40, 100}), Code::kInvalidArgument,
                 "more than 100 to one");
    ASSERT_VALUE(all, unpack_all(extension, packed, 1 << 20, {size_t{1} << 40, 1'000'000}));
    EXPECT_EQ(all.size(), zeros.size());
  }
}

TEST(Decompress, NamesWithoutExtension) {
  EXPECT_EQ(unpacked_name("a/b.fvecs.xz"), "a/b.fvecs");
  EXPECT_EQ(unpacked_name("a/b.fvecs"), "a/b.fvecs");
  EXPECT_EQ(packing_of("a.gz"), Packing::kGzip);
  EXPECT_EQ(packing_of("agz"), Packing::kNone);
}

}  // namespace
}  // namespace kith::test
