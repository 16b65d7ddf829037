#include "query/columns/dictionary.h"

#include <algorithm>

#include "base/random.h"

namespace kith {
namespace {

constexpr size_t kNodeBytes = 96;      // of the map: links, string and code, with what the heap adds
constexpr size_t kInlineTextMax = 15;  // bytes that a string keeps in itself

}  // namespace

uint64_t Dictionary::entry_bytes(const std::string& text) {
  return kNodeBytes + (text.size() > kInlineTextMax ? text.capacity() + 16 : 0);
}

/// Part of the format: eight bytes at a time, the last filled up with zeros, then the length.
uint64_t Dictionary::hashed(std::string_view text) {
  uint64_t hash = 0;
  for (size_t at = 0; at < text.size(); at += 8) {
    uint64_t word = 0;
    std::memcpy(&word, text.data() + at, std::min<size_t>(8, text.size() - at));
    hash = mix64(hash ^ word);
  }
  return mix64(hash ^ text.size()) | kHashed;
}

uint64_t Dictionary::add(std::string_view text) {
  const auto found = codes_.find(text);
  if (found != codes_.end()) return found->second;
  if (text.size() > bounds_.bytes_max || codes_.size() >= bounds_.texts_max) return hashed(text);
  const auto added = codes_.emplace(std::string(text), next_).first;
  memory_bytes_ += entry_bytes(added->first);
  return next_++;
}

std::optional<uint64_t> Dictionary::find(std::string_view text) const {
  const auto found = codes_.find(text);
  if (found == codes_.end()) return std::nullopt;
  return found->second;
}

Dictionary::Texts Dictionary::texts(const Step& step) const {
  Texts out;
  // With `descending` the texts of the answer are those before `at`.
  auto at = step.descending ? codes_.end() : codes_.begin();
  if (step.from.has_value())
    at = step.inclusive == step.descending ? codes_.upper_bound(*step.from) : codes_.lower_bound(*step.from);
  while (out.size() < step.count && at != (step.descending ? codes_.begin() : codes_.end())) {
    if (step.descending) --at;
    out.emplace_back(*at);
    if (!step.descending) ++at;
  }
  return out;
}

std::vector<uint64_t> Dictionary::with_prefix(std::string_view prefix) const {
  std::vector<uint64_t> codes;
  for (auto at = codes_.lower_bound(prefix); at != codes_.end() && at->first.starts_with(prefix); ++at)
    codes.push_back(at->second);
  std::sort(codes.begin(), codes.end());
  return codes;
}

void Dictionary::retain(const std::vector<uint64_t>& codes) {
  for (auto at = codes_.begin(); at != codes_.end();) {
    if (std::binary_search(codes.begin(), codes.end(), at->second)) {
      ++at;
    } else {
      memory_bytes_ -= entry_bytes(at->first);
      at = codes_.erase(at);
    }
  }
}

void Dictionary::save(ByteWriter& out) const {
  out.number(next_);
  out.number(static_cast<uint32_t>(codes_.size()));
  for (const auto& [text, code] : codes_) {
    out.number(code);
    out.text(text);
  }
}

Result<void> Dictionary::restore(ByteReader& in) {
  next_ = TRY(in.number<uint64_t>());
  const uint32_t count = TRY(in.number<uint32_t>());
  if (next_ < kFirst || next_ >= kHashed || count > next_ - kFirst || count > bounds_.texts_max)
    return corruption("dictionary: {} texts with codes below {}", count, next_);
  std::vector<uint64_t> seen;
  for (uint32_t i = 0; i < count; ++i) {
    const uint64_t code = TRY(in.number<uint64_t>());
    const std::string_view text = TRY(in.text());
    if (code < kFirst || code >= next_ || text.size() > bounds_.bytes_max ||
        (!codes_.empty() && text <= codes_.rbegin()->first))
      return corruption("dictionary: text {} has code {} of {}, is too long or out of order", i, code, next_);
    const auto added = codes_.emplace_hint(codes_.end(), std::string(text), code);
    memory_bytes_ += entry_bytes(added->first);
    seen.push_back(code);
  }
  std::sort(seen.begin(), seen.end());
  if (std::adjacent_find(seen.begin(), seen.end()) == seen.end()) return {};
  return corruption("dictionary: two texts have one code");
}

}  // namespace kith
