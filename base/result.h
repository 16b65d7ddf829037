// Result<T>: a value, or an Error that says what, which object, which value, and what to do.
//
// Every expected failure in Kith is a Result; no exception crosses one of our functions (those of libraries
// are caught in the file that wraps the library). Nine codes, mapped 1:1 to gRPC codes in
// server/grpc/status.cc.
//
//   Result<Header> read_header(const File& file);
//   Result<void> load(const File& file) {
//     Header header = TRY(read_header(file));          // returns the error to our caller
//     if (header.rows == 0) return invalid_argument("file '{}': header says 0 rows", file.path());
//     return {};
//   }
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/check.h"

namespace kith {

enum class Code : uint8_t {
  kInvalidArgument = 1,     // the request can never succeed as it is
  kNotFound = 2,            // the named object does not exist
  kAlreadyExists = 3,       // the named object exists already
  kFailedPrecondition = 4,  // right request, wrong state (locked directory, read-only store)
  kResourceExhausted = 5,   // memory, disk, connections or another limit; try later or with less
  kCancelled = 6,           // the caller gave up
  kDeadlineExceeded = 7,    // the caller's deadline passed
  kUnavailable = 8,         // a device or peer failed; may work again
  kCorruption = 9,          // stored bytes are not what was written (gRPC DATA_LOSS)
};

/// Lower-case name as printed in messages and JSON, e.g. "invalid_argument".
constexpr std::string_view code_name(Code code) {
  constexpr std::string_view kNames[] = {"",
                                         "invalid_argument",
                                         "not_found",
                                         "already_exists",
                                         "failed_precondition",
                                         "resource_exhausted",
                                         "cancelled",
                                         "deadline_exceeded",
                                         "unavailable",
                                         "corruption"};
  return kNames[static_cast<size_t>(code)];
}

struct Error {
  Code code;
  std::string message;
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}
  Result(Error error) : state_(std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  const Error& error() const& { return CHECK(!ok()), *std::get_if<1>(&state_); }
  Error&& error() && { return CHECK(!ok()), std::move(*std::get_if<1>(&state_)); }
  T& value() & { return CHECK(ok()), *std::get_if<0>(&state_); }
  const T& value() const& { return CHECK(ok()), *std::get_if<0>(&state_); }
  T&& value() && { return CHECK(ok()), std::move(*std::get_if<0>(&state_)); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }

  const Error& error() const& { return CHECK(!ok()), *error_; }
  Error&& error() && { return CHECK(!ok()), std::move(*error_); }
  void value() const { CHECK(ok()); }

 private:
  std::optional<Error> error_;
};

template <typename... Args>
Error make_error(Code code, fmt::format_string<Args...> format, Args&&... args) {
  return {code, fmt::format(format, std::forward<Args>(args)...)};
}

#define KITH_ERROR_MAKER(function, code)                                \
  template <typename... Args>                                           \
  Error function(fmt::format_string<Args...> format, Args&&... args) {  \
    return make_error(Code::code, format, std::forward<Args>(args)...); \
  }
KITH_ERROR_MAKER(invalid_argument, kInvalidArgument)
KITH_ERROR_MAKER(not_found, kNotFound)
KITH_ERROR_MAKER(already_exists, kAlreadyExists)
KITH_ERROR_MAKER(failed_precondition, kFailedPrecondition)
KITH_ERROR_MAKER(resource_exhausted, kResourceExhausted)
KITH_ERROR_MAKER(cancelled, kCancelled)
KITH_ERROR_MAKER(deadline_exceeded, kDeadlineExceeded)
KITH_ERROR_MAKER(unavailable, kUnavailable)
KITH_ERROR_MAKER(corruption, kCorruption)
#undef KITH_ERROR_MAKER

}  // namespace kith

// TRY(expression): the value of a Result, or return its error from the enclosing function. Not in an
// expression that has made other objects by then, as an argument or a member that comes before: compilers do
// not destroy those on this way out.
#define TRY(expression)                                           \
  ({                                                              \
    auto&& try_result_ = (expression);                            \
    if (!try_result_.ok()) return std::move(try_result_).error(); \
    std::move(try_result_).value();                               \
  })
