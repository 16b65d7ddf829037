// The file of --attributes: line i is the payload, a JSON object, of row i, so none may be blank.
// Plain or .xz, .zst, .gz.
#pragma once

#include <string>

#include "base/result.h"
#include "datasets/lines.h"

namespace kith {

class AttributeFile {
 public:
  static Result<AttributeFile> open(const std::string& path);

  /// The next line. InvalidArgument naming the file where there is none left.
  Result<std::string> next();
  /// Passes over `lines`.
  Result<void> skip(uint64_t lines);
  /// InvalidArgument when lines are left: then they belong to another file of vectors.
  Result<void> expect_end();

 private:
  AttributeFile(std::string path, LineReader lines) : path_(std::move(path)), lines_(std::move(lines)) {}

  std::string path_;
  LineReader lines_;
  uint64_t given_ = 0;
};

}  // namespace kith
