// Rival: another library's index behind the few calls that a fair race needs. Built into shared objects of
// their own with the flags that favour them (-O3 -march=native -DNDEBUG); a version script keeps their
// template instantiations out of ours and ours out of theirs.
//
// Rows are f32. For cosine the rival normalises each row while adding, as its users do; queries are given
// normalised.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace kith::bench {

enum class RivalSpace : uint8_t { kL2 = 0, kInnerProduct = 1, kCosine = 2 };

struct RivalSpec {
  RivalSpace space = RivalSpace::kL2;
  uint32_t dim = 0;
  size_t rows_max = 0;
  size_t links = 16;          // M
  size_t build_effort = 200;  // efConstruction
  size_t build_threads = 2;
};

class Rival {
 public:
  virtual ~Rival() = default;
  /// Adds `count` rows as rows 0..count-1, on build_threads threads. An empty string, or what went wrong.
  /// Once only.
  virtual std::string build(const float* rows, size_t count) = 0;
  /// After build: a row that is not there comes; of one that is there another vector takes the place. An
  /// empty string, or what went wrong. One thread, and searches beside it.
  virtual std::string put(uint32_t row, const float* vector) = 0;
  /// Beam width of the following searches. Not while searches run.
  virtual void set_effort(uint32_t effort) = 0;
  /// Nearest first; returns how many of `out` were filled. Any number of threads.
  virtual size_t search(const float* query, std::span<uint32_t> out) const = 0;
  /// Bytes the index holds, counted from its own arrays: vectors, links and labels.
  virtual size_t bytes() const = 0;
};

/// hnswlib as Debian ships it (Malkov & Yashunin, TPAMI 2018). Null, with the reason in `error`, when it
/// refuses the spec. The virtual destructor runs in the object that made it.
extern "C" Rival* kith_new_hnswlib(const RivalSpec* spec, std::string* error);

inline std::unique_ptr<Rival> make_hnswlib(const RivalSpec& spec, std::string* error) {
  return std::unique_ptr<Rival>(kith_new_hnswlib(&spec, error));
}

}  // namespace kith::bench
