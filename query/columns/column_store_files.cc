// The file of a checkpoint that holds columns, drawn in docs/formats.md:
//
//   0     8   "KITHCOLS"
//   8     4   version = 1
//   12    4   0
//   16    ..  blocks: u64 length, u32 crc32c of the length and of the bytes, the bytes
//
// The first block says how many columns there are; a column is a head, which says how many pages it has, and
// these.
#include <mutex>

#include "base/crc32c.h"
#include "query/columns/column.h"
#include "query/columns/column_store.h"

namespace kith {
namespace {

constexpr char kMagic[] = "KITHCOLS";
constexpr uint32_t kVersion = 1;
constexpr size_t kHeadBytes = 16;
constexpr size_t kBlockHeadBytes = 12;
constexpr size_t kWriteBytes = 1u << 20;

class BlockWriter {
 public:
  explicit BlockWriter(WritableFile& file) : file_(file) {
    out_.raw(as_bytes(std::string_view(kMagic)));
    out_.number(kVersion);
    out_.number(uint32_t{0});
  }

  Result<void> append(std::span<const std::byte> bytes) {
    const auto length = static_cast<uint64_t>(bytes.size());
    out_.number(length);
    out_.number(crc32c(bytes, crc32c(std::as_bytes(std::span(&length, 1)))));
    out_.raw(bytes);
    return out_.size() < kWriteBytes ? Result<void>() : flush();
  }
  Result<void> finish() {
    TRY(flush());
    TRY(file_.sync());
    return file_.close();
  }

 private:
  Result<void> flush() {
    TRY(file_.append(out_.view()));
    out_ = ByteWriter();
    return {};
  }

  WritableFile& file_;
  ByteWriter out_;
};

class BlockReader {
 public:
  explicit BlockReader(const ReadableFile& file) : file_(file) {}

  Result<void> read_head() {
    std::byte head[kHeadBytes];
    TRY(file_.read(0, head));
    if (as_text(head).substr(0, 8) != kMagic) return damage(0, "this is no file of columns");
    const auto version = load_le<uint32_t>(head + 8);
    if (version != kVersion) return damage(8, fmt::format("version {} is unknown", version));
    if (load_le<uint32_t>(head + 12) != 0) return damage(12, "reserved bytes are not zero");
    return {};
  }

  /// Valid until the next.
  Result<std::span<const std::byte>> next() {
    begin_ = end_;
    std::byte head[kBlockHeadBytes];
    if (file_.size() - end_ < sizeof(head)) return damage(end_, "the file ends within a block");
    TRY(file_.read(end_, head));
    const auto length = load_le<uint64_t>(head);
    if (file_.size() - end_ - sizeof(head) < length) return damage(end_, "the file ends within a block");
    bytes_.resize(length);
    TRY(file_.read(end_ + sizeof(head), bytes_));
    if (crc32c(bytes_, crc32c(std::span(head, 8))) != load_le<uint32_t>(head + 8))
      return damage(end_, "the checksum of a block is wrong");
    end_ += sizeof(head) + length;
    return std::span<const std::byte>(bytes_);
  }
  Result<void> finish() const {
    if (end_ == file_.size()) return {};
    return damage(end_, "there are bytes after the last block");
  }

  /// An error of what the last block holds.
  Error damage(const Error& error) const { return damage(begin_, error.message); }

 private:
  static Error damage(uint64_t offset, std::string_view what) {
    return corruption("file '{}', offset {}: {}", ColumnStore::kFile, offset, what);
  }

  const ReadableFile& file_;
  uint64_t begin_ = 0;
  uint64_t end_ = kHeadBytes;
  std::vector<std::byte> bytes_;
};

std::vector<std::byte> page_block(uint8_t postings, const Postings::PageView& view) {
  ByteWriter out;
  out.number(postings);
  out.number(view.number);
  if (view.tail.empty())
    view.page->save(out);
  else
    view.merged().save(out);
  return out.take();
}

Result<void> parse_page(std::span<const std::byte> bytes, Column& column) {
  ByteReader in(bytes, "page of a column");
  const auto postings = TRY(in.number<uint8_t>());
  const auto number = TRY(in.number<uint16_t>());
  PostingPage page = TRY(PostingPage::parse(in));
  TRY(in.finish());
  return column.restore_page(postings, number, std::move(page));
}

Result<ColumnHead> parse_column_head(std::span<const std::byte> bytes,
                                     std::span<const DeclaredPath> declared) {
  ByteReader in(bytes, "head of a column");
  return Column::parse_head(in, declared);
}

}  // namespace

std::vector<std::byte> ColumnStore::head() const {
  ByteWriter out;
  for (const RowSet* rows : {&live_, &dead_, &pathless_, &opaque_}) out.sized(rows->serialize());
  out.number(static_cast<uint32_t>(columns_.size()));
  return out.take();
}

/// How many columns there are.
Result<uint32_t> ColumnStore::parse_head(std::span<const std::byte> bytes) {
  ByteReader in(bytes, "head of columns");
  for (RowSet* rows : {&live_, &dead_, &pathless_, &opaque_}) {
    const auto set = TRY(in.sized());
    *rows = TRY(RowSet::parse(set));
  }
  const uint32_t columns = TRY(in.number<uint32_t>());
  TRY(in.finish());
  if (columns > column_limits::kPathsMax + declared_.size()) return corruption("{} columns", columns);
  RowSet both = live_;
  both.intersect(dead_);
  if (!both.empty()) return corruption("{} rows are both live and dead", both.size());
  live_rows_ = live_.size();
  dead_rows_ = dead_.size();
  return columns;
}

Result<void> ColumnStore::write(CheckpointOutput& out) const {
  const std::unique_ptr<WritableFile> file = TRY(out.create(kFile));
  BlockWriter writer(*file);
  std::vector<std::shared_ptr<Column>> columns;
  std::vector<std::byte> block;
  {
    const std::shared_lock lock(mutex_);
    block = head();
    columns = columns_;
  }
  TRY(writer.append(block));
  for (const std::shared_ptr<Column>& column : columns) {
    Column::Image image;
    {
      const std::shared_lock lock(mutex_);
      image = column->image();
    }
    TRY(writer.append(image.head));
    for (size_t i = 0; i < image.pages.size(); ++i) {
      TRY(writer.append(page_block(image.postings[i], image.pages[i])));
      image.pages[i] = {};  // the page may have gone from the column meanwhile
    }
  }
  return writer.finish();
}

Result<std::unique_ptr<ColumnStore>> ColumnStore::open(const CheckpointInput& in,
                                                       std::vector<DeclaredPath> declared) {
  const std::unique_ptr<ReadableFile> file = TRY(in.open(kFile));
  BlockReader reader(*file);
  TRY(reader.read_head());
  auto store = std::make_unique<ColumnStore>(std::move(declared));
  store->columns_.clear();
  store->by_path_.clear();
  const auto first = TRY(reader.next());
  const Result<uint32_t> columns = store->parse_head(first);
  if (!columns.ok()) return reader.damage(columns.error());
  for (uint32_t i = 0; i < *columns; ++i) {
    const auto block = TRY(reader.next());
    Result<ColumnHead> head = parse_column_head(block, store->declared_);
    if (!head.ok()) return reader.damage(head.error());
    for (uint32_t page = 0; page < head->pages; ++page) {
      const auto bytes = TRY(reader.next());
      const Result<void> restored = parse_page(bytes, *head->column);
      if (!restored.ok()) return reader.damage(restored.error());
    }
    if (!store->by_path_.emplace(head->column->path(), head->column.get()).second)
      return reader.damage(corruption("two columns have one path"));
    store->columns_.push_back(std::move(head->column));
  }
  TRY(reader.finish());
  for (const DeclaredPath& each : store->declared_)
    if (!store->by_path_.contains(each.path))
      return reader.damage(corruption("a declared path has no column"));
  store->bytes_ = store->measured_bytes();
  return store;
}

}  // namespace kith
