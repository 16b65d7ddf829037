// JsonWriter: JSON text built in order, one line, nothing kept but the text. Floats are written as the
// shortest digits that read back to the same float, and payloads go through as they are but for line ends
// between their tokens: an exported collection loads to the same points.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace kith {

class JsonWriter {
 public:
  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }

  JsonWriter& key(std::string_view name);
  JsonWriter& text(std::string_view value);
  JsonWriter& number(double value);
  JsonWriter& number(float value);
  JsonWriter& boolean(bool value) { return raw(value ? "true" : "false"); }
  JsonWriter& null() { return raw("null"); }
  JsonWriter& floats(std::span<const float> values);
  /// `json` must be one JSON value.
  JsonWriter& raw(std::string_view json);
  /// The same for JSON of others, which may have line ends between its tokens: they become blanks.
  JsonWriter& raw_line(std::string_view json);

  template <typename T>
  requires std::is_integral_v<T> &&(!std::is_same_v<T, bool>)JsonWriter& number(T value) {
    return raw(std::to_string(value));
  }

  /// key + value.
  JsonWriter& field(std::string_view name, std::string_view value) { return key(name).text(value); }
  JsonWriter& field(std::string_view name, const char* value) { return key(name).text(value); }
  template <typename T>
  requires std::is_arithmetic_v<T> JsonWriter& field(std::string_view name, T value) {
    key(name);
    if constexpr (std::is_same_v<T, bool>) {
      return boolean(value);
    } else {
      return number(value);
    }
  }

  const std::string& str() const { return text_; }
  void clear() { text_.clear(), comma_ = false; }

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  void separate();

  std::string text_;
  bool comma_ = false;  // a value stands before the next one
};

}  // namespace kith
