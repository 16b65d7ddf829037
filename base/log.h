// Structured log on stderr: one line per event, a fixed text plus key=value fields, as text or as JSON lines.
//
//   log_info("collection opened", {{"collection", name}, {"rows", rows}, {"took_ms", ms}});
//   2026-01-31T12:00:00.123Z info collection opened collection=docs rows=60000 took_ms=41
//   {"time":"2026-01-31T12:00:00.123Z","level":"info","message":"collection
//   opened","collection":"docs","rows":60000}
//
// KITH_LOG sets the level and, after a comma, the form: "debug", "warn,json", "off". Default "info". Values
// that hold spaces, quotes or control characters are quoted and escaped, so no value can forge a line.
// Thread-safe. Secrets, payloads and vectors are never logged; log.cc is the only file that sees spdlog.
#pragma once

#include <fmt/format.h>

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace kith {

enum class LogLevel : uint8_t { kDebug, kInfo, kWarn, kError, kOff };

struct LogOptions {
  LogLevel level = LogLevel::kInfo;
  bool json = false;
};

/// A named value. Numbers and bools stay bare in JSON; all else becomes a string.
struct LogField {
  template <typename T>
  LogField(std::string_view name, const T& object) : key(name) {
    if constexpr (std::convertible_to<T, std::string_view>) {
      value = std::string_view(object);
    } else {
      bare = std::integral<T>;
      value = fmt::format("{}", object);
    }
  }

  std::string_view key;
  std::string value;
  bool bare = false;
};

using LogFields = std::initializer_list<LogField>;

void log_debug(std::string_view message, LogFields fields = {});
void log_info(std::string_view message, LogFields fields = {});
void log_warn(std::string_view message, LogFields fields = {});
void log_error(std::string_view message, LogFields fields = {});

/// Errors logged by this process so far, written or not.
uint64_t log_errors();

/// Whether a line of this level would be written: ask before computing costly fields.
bool log_enabled(LogLevel level);

/// Replaces what KITH_LOG said.
void set_log_options(LogOptions options);

/// Reads the form of KITH_LOG; unknown words keep the default.
LogOptions parse_log_options(std::string_view text);

/// One line without its end, as it would be written, less the time: for tests.
std::string format_log_line(LogLevel level, std::string_view message, LogFields fields, bool json);

}  // namespace kith
