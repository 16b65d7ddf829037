// Scratch: a folder of its own for a run's data, gone with all that is in it when the object goes.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"

namespace kith::bench {

class Scratch {
 public:
  /// In `parent`, which exists.
  static Result<std::unique_ptr<Scratch>> create(const std::string& parent);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  explicit Scratch(std::string path) : path_(std::move(path)) {}

  const std::string path_;
};

/// Where the executable lies.
Result<std::string> program_directory();

}  // namespace kith::bench
