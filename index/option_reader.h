// OptionReader: IndexOptions to typed values; remembers the first mistake, so that a kind reads all its
// options in a row and asks once.
#pragma once

#include <optional>
#include <string_view>

#include "index/index.h"

namespace kith {

class OptionReader {
 public:
  /// `kind` names the index kind in errors; both must outlive the reader.
  OptionReader(const IndexOptions& options, std::string_view kind) : options_(&options), kind_(kind) {}

  /// A whole number in [min, max], or `fallback` when the option is not given.
  uint32_t number(std::string_view name, uint32_t fallback, uint32_t min, uint32_t max);
  /// A decimal number in [min, max].
  float real(std::string_view name, float fallback, float min, float max);
  /// Any text; the caller checks it.
  std::string_view text(std::string_view name, std::string_view fallback);
  /// The first mistake counts.
  void refuse(std::string_view name, const Error& error);
  /// true/false, 1/0.
  bool flag(std::string_view name, bool fallback);
  /// InvalidArgument naming the first wrong value, or an option nobody asked for.
  Result<void> finish() const;

 private:
  const std::string* find(std::string_view name);

  const IndexOptions* options_;
  std::string_view kind_;
  std::vector<std::string_view> known_;
  std::optional<Error> error_;
};

}  // namespace kith
