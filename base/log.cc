#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <cstdlib>
#include <memory>

namespace kith {
namespace {

constexpr std::string_view kLevelNames[] = {"debug", "info", "warn", "error", "off"};
constexpr spdlog::level::level_enum kSpdlogLevels[] = {
    spdlog::level::debug, spdlog::level::info, spdlog::level::warn, spdlog::level::err, spdlog::level::off};

/// Length of the UTF-8 sequence at text[at], 0 when it is not one (overlong, surrogate, truncated: RFC 3629).
size_t utf8_length(std::string_view text, size_t at) {
  auto byte = [&](size_t i) -> uint32_t { return i < text.size() ? static_cast<uint8_t>(text[i]) : 0; };
  auto follows = [&](size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const uint32_t first = byte(at), second = byte(at + 1);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return follows(at + 1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const bool canonical = (first != 0xe0 || second >= 0xa0) && (first != 0xed || second < 0xa0);
    return canonical && follows(at + 1) && follows(at + 2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const bool canonical = (first != 0xf0 || second >= 0x90) && (first != 0xf4 || second < 0x90);
    return canonical && follows(at + 1) && follows(at + 2) && follows(at + 3) ? 4 : 0;
  }
  return 0;
}

void append_escaped(std::string& out, std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto c = static_cast<uint8_t>(text[i]);
    const size_t length = utf8_length(text, i);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += text[i];
    } else if (c == '\n') {
      out += "\\n";
    } else if (c < 0x20 || c == 0x7f) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", c);
    } else if (length == 0) {
      out += "\\ufffd";  // not UTF-8: the replacement character
    } else {
      out += text.substr(i, length);
    }
    i += length == 0 ? 1 : length;
  }
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  append_escaped(out, text);
  out += '"';
}

bool needs_quotes(std::string_view value) {
  if (value.empty()) return true;
  for (const char c : value) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte <= ' ' || byte >= 0x7f || c == '"' || c == '\\' || c == '=') return true;
  }
  return false;
}

std::string text_line(std::string_view message, LogFields fields) {
  std::string out;
  append_escaped(out, message);
  for (const LogField& field : fields) {
    out += ' ';
    out += field.key;
    out += '=';
    if (needs_quotes(field.value)) {
      append_quoted(out, field.value);
    } else {
      out += field.value;
    }
  }
  return out;
}

std::string json_members(std::string_view message, LogFields fields) {
  std::string out = "\"message\":";
  append_quoted(out, message);
  for (const LogField& field : fields) {
    out += ',';
    append_quoted(out, field.key);
    out += ':';
    if (field.bare) {
      out += field.value;
    } else {
      append_quoted(out, field.value);
    }
  }
  return out;
}

class Logger {
 public:
  Logger() : logger_("kith", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    const char* environment = std::getenv("KITH_LOG");
    set(parse_log_options(environment == nullptr ? "" : environment));
    logger_.flush_on(spdlog::level::debug);
  }

  void set(LogOptions options) {
    level_.store(options.level, std::memory_order_relaxed);
    json_.store(options.json, std::memory_order_relaxed);
    logger_.set_level(kSpdlogLevels[static_cast<size_t>(options.level)]);
    logger_.set_pattern("%v");  // both forms are whole lines by the time spdlog sees them
  }

  bool enabled(LogLevel level) const { return level >= level_.load(std::memory_order_relaxed); }

  uint64_t errors() const { return errors_.load(std::memory_order_relaxed); }

  void write(LogLevel level, std::string_view message, LogFields fields) {
    if (level == LogLevel::kError) errors_.fetch_add(1, std::memory_order_relaxed);
    if (!enabled(level)) return;
    logger_.log(kSpdlogLevels[static_cast<size_t>(level)], "{}", line(level, message, fields));
  }

 private:
  std::string line(LogLevel level, std::string_view message, LogFields fields) const {
    const bool json = json_.load(std::memory_order_relaxed);
    const std::string body = format_log_line(level, message, fields, json);
    return json ? fmt::format("{{\"time\":\"{}\",{}", now(), body.substr(1))
                : fmt::format("{} {}", now(), body);
  }

  static std::string now() {
    const auto time = std::chrono::system_clock::now().time_since_epoch();
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
    const auto seconds = static_cast<std::time_t>(ms / 1000);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                       parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, ms % 1000);
  }

  spdlog::logger logger_;
  std::atomic<LogLevel> level_{LogLevel::kInfo};
  std::atomic<bool> json_{false};
  std::atomic<uint64_t> errors_{0};
};

Logger& logger() {
  static auto* the_one = new Logger;  // never destroyed: threads may log while the process ends
  return *the_one;
}

}  // namespace

LogOptions parse_log_options(std::string_view text) {
  LogOptions options;
  const size_t comma = text.find(',');
  const std::string_view level = text.substr(0, comma);
  for (size_t i = 0; i < std::size(kLevelNames); ++i)
    if (level == kLevelNames[i]) options.level = static_cast<LogLevel>(i);
  options.json = level == "json" || (comma != std::string_view::npos && text.substr(comma + 1) == "json");
  return options;
}

std::string format_log_line(LogLevel level, std::string_view message, LogFields fields, bool json) {
  const std::string_view name = kLevelNames[static_cast<size_t>(level)];
  if (json) return fmt::format("{{\"level\":\"{}\",{}}}", name, json_members(message, fields));
  return fmt::format("{} {}", name, text_line(message, fields));
}

void log_debug(std::string_view message, LogFields fields) {
  logger().write(LogLevel::kDebug, message, fields);
}
void log_info(std::string_view message, LogFields fields) {
  logger().write(LogLevel::kInfo, message, fields);
}
void log_warn(std::string_view message, LogFields fields) {
  logger().write(LogLevel::kWarn, message, fields);
}
void log_error(std::string_view message, LogFields fields) {
  logger().write(LogLevel::kError, message, fields);
}
uint64_t log_errors() {
  return logger().errors();
}
bool log_enabled(LogLevel level) {
  return logger().enabled(level);
}
void set_log_options(LogOptions options) {
  logger().set(options);
}

}  // namespace kith
