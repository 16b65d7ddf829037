#include "index/option_reader.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

namespace kith {

const std::string* OptionReader::find(std::string_view name) {
  known_.push_back(name);
  const std::string* found = nullptr;
  for (const auto& [key, value] : *options_) {
    if (key != name) continue;
    if (found != nullptr && !error_) error_ = invalid_argument("{}: option {} is given twice", kind_, name);
    found = &value;
  }
  return found;
}

uint32_t OptionReader::number(std::string_view name, uint32_t fallback, uint32_t min, uint32_t max) {
  const std::string* text = find(name);
  if (text == nullptr) return fallback;
  uint32_t value = 0;
  const char* end = text->data() + text->size();
  const auto parsed = std::from_chars(text->data(), end, value);
  if (parsed.ec == std::errc() && parsed.ptr == end && value >= min && value <= max) return value;
  if (!error_)
    error_ = invalid_argument("{}: option {} is '{}'; give a whole number from {} to {}", kind_, name, *text,
                              min, max);
  return fallback;
}

float OptionReader::real(std::string_view name, float fallback, float min, float max) {
  const std::string* text = find(name);
  if (text == nullptr) return fallback;
  float value = 0;
  const char* end = text->data() + text->size();
  const auto parsed = std::from_chars(text->data(), end, value, std::chars_format::fixed);
  if (parsed.ec == std::errc() && parsed.ptr == end && value >= min && value <= max) return value;
  if (!error_)
    error_ =
        invalid_argument("{}: option {} is '{}'; give a number from {} to {}", kind_, name, *text, min, max);
  return fallback;
}

std::string_view OptionReader::text(std::string_view name, std::string_view fallback) {
  const std::string* found = find(name);
  return found == nullptr ? fallback : std::string_view(*found);
}

void OptionReader::refuse(std::string_view name, const Error& error) {
  if (!error_) error_ = invalid_argument("{}: option {}: {}", kind_, name, error.message);
}

bool OptionReader::flag(std::string_view name, bool fallback) {
  const std::string* text = find(name);
  if (text == nullptr) return fallback;
  if (*text == "true" || *text == "1") return true;
  if (*text == "false" || *text == "0") return false;
  if (!error_) error_ = invalid_argument("{}: option {} is '{}'; give true or false", kind_, name, *text);
  return fallback;
}

Result<void> OptionReader::finish() const {
  if (error_) return *error_;
  for (const auto& [key, value] : *options_) {
    if (std::find(known_.begin(), known_.end(), key) == known_.end())
      return invalid_argument("{}: no option '{}'; there are: {}", kind_, key,
                              known_.empty() ? "none" : fmt::format("{}", fmt::join(known_, ", ")));
  }
  return {};
}

}  // namespace kith
