// Dictionary: short texts to codes of 64 bits and back to nothing else: columns ask for the code of a text or
// the codes of all that begin with some bytes. A text that is too long, or comes when there are too many, has
// the code kHashed | hash instead, which others may share.
//
// Codes of texts ascend from kFirst in the order in which they came and are not given twice. Not
// synchronised.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace kith {

class Dictionary {
 public:
  static constexpr uint64_t kFirst = 2;  // what is below belongs to others (column.h)
  static constexpr uint64_t kHashed = uint64_t{1} << 63;

  struct Bounds {
    size_t texts_max;
    size_t bytes_max;  // of one text
  };

  explicit Dictionary(Bounds bounds) : bounds_(bounds) {}

  /// Its code from now on.
  uint64_t add(std::string_view text);
  std::optional<uint64_t> find(std::string_view text) const;
  static uint64_t hashed(std::string_view text);
  /// Ascending.
  std::vector<uint64_t> with_prefix(std::string_view prefix) const;

  /// At most `count` texts in their order and the codes of them: those from `from` on (none: from the first),
  /// itself only if `inclusive`; descending, from `from` downwards.
  struct Step {
    std::optional<std::string> from;
    bool inclusive = true;
    bool descending = false;
    size_t count = 256;
  };
  using Texts = std::vector<std::pair<std::string, uint64_t>>;
  Texts texts(const Step& step) const;

  /// Forgets what is not among `codes`, which ascend.
  void retain(const std::vector<uint64_t>& codes);

  size_t size() const { return codes_.size(); }
  uint64_t memory_bytes() const { return memory_bytes_; }

  void save(ByteWriter& out) const;
  Result<void> restore(ByteReader& in);

 private:
  static uint64_t entry_bytes(const std::string& text);

  Bounds bounds_;
  std::map<std::string, uint64_t, std::less<>> codes_;
  uint64_t next_ = kFirst;
  uint64_t memory_bytes_ = 0;
};

}  // namespace kith
