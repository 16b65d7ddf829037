// PointSource: what `kith load` sends, wherever it comes from: points in order, numbered through, with places
// to name in messages. Used by one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "kith.pb.h"

namespace kith {

class PointSource {
 public:
  virtual ~PointSource() = default;
  /// Points there are in all; none where only the end tells.
  virtual std::optional<uint64_t> rows() const = 0;
  /// Passes over the first `row` points; called before next, if at all.
  virtual Result<void> start_at(uint64_t row) = 0;
  /// Up to about a megabyte of further points; empty at the end.
  virtual Result<std::vector<v1::Point>> next() = 0;
  /// Where point i of the last next() stands: "'base.fvecs' row 7".
  virtual std::string place(size_t i) const = 0;
  /// Of all files, for a progress bar where rows are not known.
  virtual uint64_t bytes_read() const = 0;
  virtual uint64_t file_bytes() const = 0;
  /// True where a point's id can be told from its row without reading the file: then it is id_start + row.
  virtual bool numbered() const = 0;
};

}  // namespace kith
