// Canaries: byte strings that must be in no file of a directory any more, or still are. All are looked for in
// one pass over each file, by their first eight bytes.
#pragma once

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/check.h"

namespace kith::test {

class Canaries {
 public:
  /// Eight bytes or more, that nothing else begins with.
  void add(std::string text) {
    CHECK(text.size() >= sizeof(uint64_t));
    by_head_[head(text.data())].push_back(texts_.size());
    texts_.push_back(std::move(text));
  }
  size_t size() const { return texts_.size(); }

  /// Those that some file below `directory` holds; files that vanish meanwhile hold nothing.
  std::set<size_t> found_in(const std::string& directory) const {
    std::set<size_t> found;
    std::error_code gone;
    for (std::filesystem::recursive_directory_iterator at(directory, gone), end; !gone && at != end;
         at.increment(gone)) {
      if (!at->is_regular_file(gone)) continue;
      std::ifstream file(at->path(), std::ios::binary);
      const std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
      for (size_t i = 0; i + sizeof(uint64_t) <= bytes.size(); ++i) {
        const auto entry = by_head_.find(head(bytes.data() + i));
        if (entry == by_head_.end()) continue;
        for (const size_t which : entry->second)
          if (bytes.compare(i, texts_[which].size(), texts_[which]) == 0) found.insert(which);
      }
    }
    return found;
  }

 private:
  static uint64_t head(const char* at) {
    uint64_t value = 0;
    std::memcpy(&value, at, sizeof value);
    return value;
  }

  std::vector<std::string> texts_;
  std::unordered_map<uint64_t, std::vector<size_t>> by_head_;
};

}  // namespace kith::test
