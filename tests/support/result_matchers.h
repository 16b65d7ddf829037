// ASSERT_OK, EXPECT_OK and friends: a Result's error message in the failure text.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "base/result.h"

namespace kith::test {

template <typename T>
testing::AssertionResult is_ok(const Result<T>& result) {
  if (result.ok()) return testing::AssertionSuccess();
  return testing::AssertionFailure() << code_name(result.error().code) << ": " << result.error().message;
}

/// Fails unless `result` is an error of `code` whose message contains `part`.
template <typename T>
testing::AssertionResult is_error(const Result<T>& result, Code code, const std::string& part = "") {
  if (result.ok()) return testing::AssertionFailure() << "succeeded, wanted " << code_name(code);
  if (result.error().code == code && result.error().message.find(part) != std::string::npos)
    return testing::AssertionSuccess();
  return testing::AssertionFailure() << code_name(result.error().code) << ": " << result.error().message
                                     << "\nwanted " << code_name(code) << " with `" << part << "`";
}

}  // namespace kith::test

#define EXPECT_OK(expression) EXPECT_TRUE(::kith::test::is_ok(expression))
#define ASSERT_OK(expression) ASSERT_TRUE(::kith::test::is_ok(expression))
#define EXPECT_ERROR(expression, code, part) EXPECT_TRUE(::kith::test::is_error(expression, code, part))
#define ASSERT_ERROR(expression, code, part) ASSERT_TRUE(::kith::test::is_error(expression, code, part))

/// The value of a Result inside a test body; ends the test when it is an error.
#define ASSERT_VALUE(variable, expression)             \
  auto variable##_result = (expression);               \
  ASSERT_TRUE(::kith::test::is_ok(variable##_result)); \
  auto& variable = variable##_result.value()
