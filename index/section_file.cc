#include "index/section_file.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/planted.h"

namespace kith {
namespace {

constexpr size_t kHeader = 16;
constexpr size_t kEnd = 32;
constexpr size_t kTableEntry = 24;
constexpr size_t kBuffer = size_t{1} << 20;
constexpr size_t kDirect = size_t{1} << 16;  // from here on a read needs no buffer
constexpr size_t kPiece = size_t{1} << 18;   // of a direct read: still in the cache for its checksum
constexpr size_t kSectionsMax = 64;

std::string tag_name(uint32_t tag) {
  std::string name(4, ' ');
  std::memcpy(name.data(), &tag, 4);
  return name;
}

std::vector<std::byte> header_bytes(std::string_view magic, uint32_t version) {
  ByteWriter out;
  out.raw(as_bytes(magic));
  out.number(version);
  out.number(uint32_t{0});
  return out.take();
}

}  // namespace

Result<SectionFileWriter> SectionFileWriter::create(CheckpointOutput& out, const std::string& name,
                                                    std::string_view magic, uint32_t version) {
  CHECK(magic.size() == 8);
  SectionFileWriter writer;
  writer.file_ = TRY(out.create(name));
  writer.magic_ = magic;
  const std::vector<std::byte> header = header_bytes(magic, version);
  writer.header_crc_ = crc32c(header);
  TRY(writer.file_->append(header));
  writer.written_ = kHeader;
  writer.buffer_.reserve(kBuffer);
  return writer;
}

void SectionFileWriter::begin(uint32_t tag) {
  CHECK(sections_.size() < kSectionsMax);
  sections_.push_back({tag, 0, written_ + buffer_.size(), 0});
}

Result<void> SectionFileWriter::append(std::span<const std::byte> bytes) {
  sections_.back().crc = crc32c(bytes, sections_.back().crc);
  sections_.back().length += bytes.size();
  if (buffer_.size() + bytes.size() > kBuffer) TRY(flush());
  if (bytes.size() > kBuffer) {
    TRY(file_->append(bytes));
    written_ += bytes.size();
  } else {
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  }
  return {};
}

Result<void> SectionFileWriter::flush() {
  TRY(file_->append(buffer_));
  written_ += buffer_.size();
  buffer_.clear();
  return {};
}

Result<void> SectionFileWriter::finish() {
  const uint64_t table_offset = written_ + buffer_.size();
  ByteWriter table;
  for (const Section& section : sections_) {
    table.number(section.tag);
    table.number(section.crc);
    table.number(section.offset);
    table.number(section.length);
  }
  ByteWriter end;
  end.number(table_offset);
  end.number(static_cast<uint32_t>(sections_.size()));
  end.number(crc32c(table.view()));
  end.number(crc32c(end.view(), header_crc_));
  end.number(uint32_t{0});
  end.raw(as_bytes(magic_));
  TRY(flush());
  TRY(file_->append(table.view()));
  TRY(file_->append(end.view()));
  TRY(file_->sync());
  return file_->close();
}

uint64_t SectionFileWriter::file_bytes(std::span<const uint64_t> sections) {
  return std::accumulate(sections.begin(), sections.end(),
                         uint64_t{kHeader + kEnd + kTableEntry * sections.size()});
}

Result<SectionFile> SectionFile::open(const CheckpointInput& in, const std::string& name,
                                      std::string_view magic, uint32_t version) {
  SectionFile file;
  file.name_ = name;
  file.file_ = TRY(in.open(name));
  TRY(file.read_table(magic, version));
  return file;
}

Result<void> SectionFile::read_table(std::string_view magic, uint32_t version) {
  const uint64_t size = file_->size();
  if (size < kHeader + kEnd)
    return corruption("{}: {} bytes are too few for an index checkpoint", name_, size);
  std::byte header[kHeader];
  std::byte end[kEnd];
  TRY(file_->read(0, header));
  TRY(file_->read(size - kEnd, end));
  if (std::memcmp(header, magic.data(), 8) != 0 || std::memcmp(end + 24, magic.data(), 8) != 0)
    return corruption("{}: no {} checkpoint: wrong magic at offset 0 or {}", name_, magic, size - 8);
  if (load_le<uint32_t>(end + 20) != 0) return corruption("{}: unknown bytes at offset {}", name_, size - 12);
  if (load_le<uint32_t>(end + 16) != crc32c(std::span(end, 16), crc32c(header)))
    return corruption("{}: wrong checksum at offset {}", name_, size - 16);
  if (const auto found = load_le<uint32_t>(header + 8); found != version)
    return corruption("{}: format version {}, this build reads {}", name_, found, version);
  const auto table_offset = load_le<uint64_t>(end);
  const auto count = load_le<uint32_t>(end + 8);
  if (count > kSectionsMax || table_offset < kHeader || table_offset > size ||
      size - table_offset != kEnd + count * kTableEntry)
    return corruption("{}: table of {} sections at offset {} does not fit {} bytes", name_, count,
                      table_offset, size);
  std::vector<std::byte> table(count * kTableEntry);
  TRY(file_->read(table_offset, table));
  if (crc32c(table) != load_le<uint32_t>(end + 12))
    return corruption("{}: wrong checksum of the table at offset {}", name_, table_offset);
  for (size_t i = 0; i < count; ++i) {
    const std::byte* entry = table.data() + i * kTableEntry;
    Section section{load_le<uint32_t>(entry), load_le<uint32_t>(entry + 4), load_le<uint64_t>(entry + 8),
                    load_le<uint64_t>(entry + 16)};
    if (section.offset < kHeader || section.offset > table_offset ||
        section.length > table_offset - section.offset)
      return corruption("{}: section {} of {} bytes at offset {} leaves the file", name_,
                        tag_name(section.tag), section.length, section.offset);
    sections_.push_back(section);
  }
  return {};
}

bool SectionFile::has(uint32_t tag) const {
  return std::any_of(sections_.begin(), sections_.end(), [&](const Section& s) { return s.tag == tag; });
}

Result<Section> SectionFile::find(uint32_t tag) const {
  for (const Section& section : sections_)
    if (section.tag == tag) return section;
  return corruption("{}: section {} is missing", name_, tag_name(tag));
}

Result<SectionReader> SectionReader::open(const SectionFile& file, uint32_t tag) {
  const Section section = TRY(file.find(tag));
  return SectionReader(file, section);
}

Result<void> SectionReader::expect_length(uint64_t length) const {
  if (section_.length == length) return {};
  return corruption("{}: section {} at offset {} has {} bytes, {} expected", file_->name(),
                    tag_name(section_.tag), section_.offset, section_.length, length);
}

Result<void> SectionReader::read(std::span<std::byte> out) {
  while (!out.empty()) {
    if (used_ == buffer_.size()) {
      const uint64_t left = section_.length - fetched_;
      if (left == 0)
        return corruption("{}: section {} at offset {} ends early", file_->name(), tag_name(section_.tag),
                          section_.offset);
      if (out.size() >= kDirect && left >= kDirect) {
        const auto piece = out.first(std::min<uint64_t>({left, out.size(), kPiece}));
        TRY(fetch(piece));
        out = out.subspan(piece.size());
        continue;
      }
      buffer_.resize(std::min<uint64_t>(left, kBuffer));
      TRY(fetch(buffer_));
      used_ = 0;
    }
    const size_t part = std::min(out.size(), buffer_.size() - used_);
    std::memcpy(out.data(), buffer_.data() + used_, part);
    used_ += part;
    out = out.subspan(part);
  }
  return {};
}

Result<void> SectionReader::fetch(std::span<std::byte> out) {
  TRY(file_->file().read(section_.offset + fetched_, out));
  crc_ = crc32c(out, crc_);
  fetched_ += out.size();
  return {};
}

Result<void> SectionReader::finish() {
  if (fetched_ != section_.length || used_ != buffer_.size())
    return corruption("{}: section {} at offset {} is longer than its content", file_->name(),
                      tag_name(section_.tag), section_.offset);
  if (crc_ == section_.crc || planted("section-crc-unchecked")) return {};
  return corruption("{}: wrong checksum of section {} at offset {}", file_->name(), tag_name(section_.tag),
                    section_.offset);
}

}  // namespace kith
