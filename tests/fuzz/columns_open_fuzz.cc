// links: kith_query kith_test_support
// Goal: no bytes make opening a file of columns crash, hang or take memory beyond what the file's length
// says, and what opens can be asked, changed and written. Method: edits of a file that columns wrote, with
// the checksums of its blocks made right, and raw bytes.
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/io/memory_file_system.h"
#include "query/columns/column_store.h"
#include "tests/support/checkpoint_directory.h"

namespace kith::fuzz {
namespace {

constexpr size_t kHeadBytes = 16;
constexpr size_t kBlockHeadBytes = 12;

const ResolveIds kNoIds = [](const std::vector<Id>&) { return RowSet(); };

std::vector<std::byte> written(const ColumnStore& store) {
  MemoryFileSystem fs;
  test::CheckpointDirectory directory(fs);
  directory.write_with([&](CheckpointOutput& out) { return store.write(out); }).value();
  return directory.files().at(ColumnStore::kFile);
}

std::vector<std::byte> sample_file() {
  const char* const payloads[] = {
      R"({"a":"red car","b":[1,2.5,18446744073709551615],"c":{"lat":48,"lon":16}})",
      R"({"a":["2026-01-01",true,null],"c":[{"d":1},{"d":[]}],"b":2})", R"({"a":"blue","b":-3,"e":""})"};
  ColumnStore store;
  for (Row row = 0; row < 30; ++row) store.add(row * 5'000, PayloadValues::of(payloads[row % 3]).value());
  for (Row row = 0; row < 5; ++row) store.remove(row * 25'000);
  return written(store);
}

void correct_checksums(std::vector<std::byte>& bytes) {
  for (size_t at = kHeadBytes; bytes.size() - at >= kBlockHeadBytes;) {
    const auto length = load_le<uint64_t>(bytes.data() + at);
    if (length > bytes.size() - at - kBlockHeadBytes) return;
    const auto block = std::span(bytes).subspan(at);
    store_le(block.data() + 8, crc32c(block.subspan(kBlockHeadBytes, length), crc32c(block.first(8))));
    at += kBlockHeadBytes + length;
  }
}

void use(ColumnStore& store) {
  const FilterPath a{{"a"}}, b{{"b"}}, c{{"c"}};
  const std::vector<Filter> filters = {
      {OneOf{a, {std::string("blue"), true, FilterNumber(int64_t{2})}}},
      {NumberRange{b, {{FilterNumber(int64_t{-3})}}, {{FilterNumber(2.5), false}}}},
      {MomentRange{a, {{Moment{0}}}, {}}},
      {Prefix{a, "r"}},
      {MatchWords{a, "red car"}},
      {GeoRadius{c, {48, 16}, 1e6}},
      {Nested{c, {{Exists{{{"d"}}}}}}}};
  Filter any{AnyOf{filters}}, some{AtLeast{2, filters}}, none{NotOf{{any}}};
  for (const Filter& filter : {any, some, none}) {
    const Selection found = store.select(filter, kNoIds);
    CHECK(found.certain.size() + found.unsure.size() <= store.rows());
  }
  CHECK(store.memory_bytes() > 0);
  store.add(7, PayloadValues::of(R"({"a":"new","b":1e300})").value());
  store.remove(0);
  (void)written(store);
}

}  // namespace
}  // namespace kith::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace kith;
  static const std::vector<std::byte> kSample = fuzz::sample_file();
  if (size == 0) return 0;
  std::vector<std::byte> bytes = kSample;
  if (data[0] % 2 == 0) {
    const auto* raw = reinterpret_cast<const std::byte*>(data + 1);
    bytes.assign(raw, raw + size - 1);
  } else {
    for (size_t i = 1; i + 3 <= size; i += 3)
      bytes[(data[i] | data[i + 1] << 8) % bytes.size()] = static_cast<std::byte>(data[i + 2]);
  }
  if (data[0] % 4 >= 2 && bytes.size() >= fuzz::kHeadBytes) fuzz::correct_checksums(bytes);
  MemoryFileSystem fs;
  test::CheckpointDirectory directory(fs);
  directory.put({{ColumnStore::kFile, std::move(bytes)}}).value();
  const auto opened = ColumnStore::open(directory);
  if (opened.ok())
    fuzz::use(*opened.value());
  else
    CHECK(opened.error().code == Code::kCorruption);
  return 0;
}
