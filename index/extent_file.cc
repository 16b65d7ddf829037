#include "index/extent_file.h"

#include <atomic>
#include <mutex>

#include "base/bytes.h"
#include "base/crc32c.h"

namespace kith {
namespace {

constexpr uint32_t kExtent = section_tag("EXTN");
constexpr size_t kExtentBytes = 8;

std::string file_name(const ExtentKind& kind, const Extent& extent, uint32_t sum) {
  return fmt::format("{}-{}-{}-{:08x}", kind.name, extent.number, extent.nodes(), sum);
}

}  // namespace

Result<uint32_t> checksum_of(const ByteSource& source) {
  uint32_t sum = 0;
  TRY(source([&](std::span<const std::byte> part) -> Result<void> {
    sum = crc32c(part, sum);
    return {};
  }));
  return sum;
}

Result<void> write_extent(CheckpointOutput& out, const ExtentKind& kind, const Extent& extent, uint32_t sum,
                          uint64_t length, const ByteSource& source) {
  const std::string name = file_name(kind, extent, sum);
  const uint64_t sections[] = {kExtentBytes, length};
  if (out.keep(name, SectionFileWriter::file_bytes(sections))) return {};
  SectionFileWriter writer = TRY(SectionFileWriter::create(out, name, kind.magic, kind.version));
  const uint32_t head[] = {extent.number, extent.nodes()};
  writer.begin(kExtent);
  TRY(writer.append_numbers(std::span<const uint32_t>(head)));
  writer.begin(kExtentData);
  TRY(source([&](std::span<const std::byte> part) { return writer.append(part); }));
  if (writer.sections().back().crc != sum || writer.sections().back().length != length)
    return corruption("{}: what was to be written changed meanwhile; check the machine's memory", name);
  return writer.finish();
}

Result<SectionFile> open_extent(const CheckpointInput& in, const ExtentKind& kind, const Extent& extent,
                                uint32_t sum) {
  SectionFile file = TRY(SectionFile::open(in, file_name(kind, extent, sum), kind.magic, kind.version));
  SectionReader reader = TRY(SectionReader::open(file, kExtent));
  TRY(reader.expect_length(kExtentBytes));
  uint32_t head[2];
  TRY(reader.read(std::as_writable_bytes(std::span(head))));
  TRY(reader.finish());
  if (head[0] != extent.number || head[1] != extent.nodes())
    return corruption("{}: holds {} nodes of extent {}, {} of {} expected", file.name(), head[1], head[0],
                      extent.nodes(), extent.number);
  if (const Section data = TRY(file.find(kExtentData)); data.crc != sum)
    return corruption("{}: holds another extent, with checksum {:08x}", file.name(), data.crc);
  return file;
}

Result<void> write_sums(SectionFileWriter& main, uint32_t tag, std::span<const uint32_t> sums) {
  main.begin(tag);
  return main.append_numbers(sums);
}

Result<std::vector<uint32_t>> read_sums(const SectionFile& main, uint32_t tag, const ExtentCut& cut) {
  SectionReader reader = TRY(SectionReader::open(main, tag));
  TRY(reader.expect_length(uint64_t{cut.size()} * sizeof(uint32_t)));
  std::vector<uint32_t> sums(cut.size());
  TRY(reader.read(std::as_writable_bytes(std::span(sums))));
  TRY(reader.finish());
  return sums;
}

Result<void> run_jobs(ThreadPool* pool, std::span<const OpenJob> jobs) {
  std::mutex mutex;
  Result<void> failed;  // the first failure; guarded by mutex
  std::atomic<bool> stop{false};
  const auto one = [&](size_t i) {
    if (stop) return;
    Result<void> done = jobs[i]();
    if (done) return;
    stop = true;
    const std::lock_guard lock(mutex);
    if (failed) failed = std::move(done);
  };
  if (pool != nullptr) {
    pool->parallel_for(jobs.size(), 1, one);
  } else {
    for (size_t i = 0; i < jobs.size(); ++i) one(i);
  }
  return failed;
}

}  // namespace kith
