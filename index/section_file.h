// SectionFile: the frame of each file of an index checkpoint: checksummed sections, written front to back,
// read by tag.
//
//   offset     bytes  content (little-endian)
//   0          8      magic, e.g. "KITHFLAT"
//   8          4      version of the format
//   12         4      0
//   16         ...    sections, one after another, in the order of the table
//   t          24 n   table: per section u32 tag, u32 crc32c of its bytes, u64 offset, u64 length
//   end-32     8      u64 t
//   end-24     4      u32 n
//   end-20     4      u32 crc32c of the table
//   end-16     4      u32 crc32c of bytes 0..15 and end-32..end-17
//   end-12     4      0
//   end-8      8      magic again
//
// A file cut anywhere lacks its end and is Corruption. A reader believes no number before it has been
// compared with the file's size, and a section's bytes only after `finish` (their users check ranges as they
// read, so that no wrong byte does harm before).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/io/checkpoint_files.h"
#include "base/result.h"

namespace kith {

struct Section {
  uint32_t tag = 0;
  uint32_t crc = 0;
  uint64_t offset = 0;
  uint64_t length = 0;
};

constexpr uint32_t section_tag(const char (&name)[5]) {
  return static_cast<uint32_t>(name[0]) | static_cast<uint32_t>(name[1]) << 8 |
         static_cast<uint32_t>(name[2]) << 16 | static_cast<uint32_t>(name[3]) << 24;
}

class SectionFileWriter {
 public:
  /// `magic` has 8 characters.
  static Result<SectionFileWriter> create(CheckpointOutput& out, const std::string& name,
                                          std::string_view magic, uint32_t version);

  void begin(uint32_t tag);
  Result<void> append(std::span<const std::byte> bytes);
  template <typename T>
  Result<void> append_numbers(std::span<const T> numbers) {
    return append(std::as_bytes(numbers));
  }
  /// Writes table and end, syncs and closes.
  Result<void> finish();
  /// Those begun; the last grows with append.
  std::span<const Section> sections() const { return sections_; }
  /// Of a file with sections of these lengths.
  static uint64_t file_bytes(std::span<const uint64_t> sections);

 private:
  SectionFileWriter() = default;
  Result<void> flush();

  std::unique_ptr<WritableFile> file_;
  std::vector<std::byte> buffer_;
  std::vector<Section> sections_;
  std::string magic_;
  uint32_t header_crc_ = 0;
  uint64_t written_ = 0;  // flushed bytes
};

class SectionFile {
 public:
  /// Corruption naming file and offset unless frame, table and their checksums are right.
  static Result<SectionFile> open(const CheckpointInput& in, const std::string& name, std::string_view magic,
                                  uint32_t version);

  const std::string& name() const { return name_; }
  /// Corruption when the file has no such section.
  Result<Section> find(uint32_t tag) const;
  bool has(uint32_t tag) const;
  const ReadableFile& file() const { return *file_; }

 private:
  SectionFile() = default;
  Result<void> read_table(std::string_view magic, uint32_t version);

  std::string name_;
  std::unique_ptr<ReadableFile> file_;
  std::vector<Section> sections_;
};

/// Reads one section front to back: large parts straight to where they go, small ones through a buffer.
class SectionReader {
 public:
  static Result<SectionReader> open(const SectionFile& file, uint32_t tag);

  uint64_t length() const { return section_.length; }
  /// Corruption unless the section has exactly `length` bytes: compare before allocating by counts from the
  /// file.
  Result<void> expect_length(uint64_t length) const;
  Result<void> read(std::span<std::byte> out);
  /// Corruption unless all was read and the checksum is right.
  Result<void> finish();

 private:
  SectionReader(const SectionFile& file, Section section) : file_(&file), section_(section) {}
  /// The next bytes of the section.
  Result<void> fetch(std::span<std::byte> out);

  const SectionFile* file_;
  Section section_;
  std::vector<std::byte> buffer_;
  size_t used_ = 0;       // of buffer_
  uint64_t fetched_ = 0;  // of the section
  uint32_t crc_ = 0;
};

}  // namespace kith
