// What columns write into checkpoints and read again, drawn in docs/formats.md; and what is left of them when
// removed rows are swept out.
#include <algorithm>
#include <array>

#include "query/columns/column.h"

namespace kith {
namespace {

void save_rows(const RowSet& rows, ByteWriter& out) {
  out.sized(rows.serialize());
}
Result<void> restore_rows(RowSet& rows, ByteReader& in) {
  const auto bytes = TRY(in.sized());
  rows = TRY(RowSet::parse(bytes));
  return {};
}

std::vector<uint64_t> codes_in(const Postings& postings) {
  std::vector<uint64_t> codes;
  postings.for_each_key([&](uint64_t key) {
    if (key >= Dictionary::kFirst && key < Dictionary::kHashed) codes.push_back(key);
  });
  std::sort(codes.begin(), codes.end());
  codes.erase(std::unique(codes.begin(), codes.end()), codes.end());
  return codes;
}

}  // namespace

/// In the order of the format.
struct ColumnParts {
  template <typename C>
  static auto sets(C& column) {
    return std::array{&column.existing_, &column.nulls_,        &column.nonempty_,
                      &column.objects_,  &column.many_strings_, &column.rounded_,
                      &column.hashed_,   &column.hashed_words_, &column.wordless_};
  }
  template <typename C>
  static auto postings(C& column) {
    return std::array{&column.codes_, &column.numbers_, &column.moments_, &column.places_, &column.words_};
  }
};

void Column::retain(const RowSet& live) {
  for (RowSet* rows : ColumnParts::sets(*this)) {
    rows->intersect(live);
    rows->compress();
  }
  for (Postings* postings : ColumnParts::postings(*this)) postings->retain(live);
  texts_.retain(codes_in(codes_));
  word_texts_.retain(codes_in(words_));
}

uint64_t Column::memory_bytes() const {
  uint64_t bytes = sizeof(*this) + path_.capacity() + texts_.memory_bytes() + word_texts_.memory_bytes();
  for (const RowSet* rows : ColumnParts::sets(*this)) bytes += rows->memory_bytes();
  for (const Postings* postings : ColumnParts::postings(*this)) bytes += postings->memory_bytes();
  return bytes;
}

Column::Image Column::image() const {
  Image image;
  ByteWriter head;
  head.text(path_);
  for (const RowSet* rows : ColumnParts::sets(*this)) save_rows(*rows, head);
  texts_.save(head);
  word_texts_.save(head);
  const auto all = ColumnParts::postings(*this);
  for (size_t i = 0; i < all.size(); ++i) {
    for (Postings::PageView& view : all[i]->pages()) {
      image.pages.push_back(std::move(view));
      image.postings.push_back(static_cast<uint8_t>(i));
    }
  }
  head.number(static_cast<uint32_t>(image.pages.size()));
  image.head = head.take();
  return image;
}

Result<ColumnHead> Column::parse_head(ByteReader& in, std::span<const DeclaredPath> declared) {
  const std::string_view path = TRY(in.text());
  if (path.empty() || path.size() > column_limits::kPathBytesMax)
    return corruption("column: a path of {} bytes", path.size());
  const auto own = std::find_if(declared.begin(), declared.end(),
                                [&](const DeclaredPath& each) { return each.path == path; });
  const ColumnBounds bounds = own == declared.end() ? ColumnBounds() : own->bounds;
  ColumnHead head{std::make_unique<Column>(std::string(path), bounds), 0};
  for (RowSet* rows : ColumnParts::sets(*head.column)) TRY(restore_rows(*rows, in));
  TRY(head.column->texts_.restore(in));
  TRY(head.column->word_texts_.restore(in));
  head.pages = TRY(in.number<uint32_t>());
  TRY(in.finish());
  return head;
}

Result<void> Column::restore_page(uint8_t postings, uint16_t number, PostingPage page) {
  const auto all = ColumnParts::postings(*this);
  if (postings >= all.size()) return corruption("column: a page of postings {}", postings);
  return all[postings]->restore(number, std::move(page));
}

}  // namespace kith
