// Goal: a Result carries its value or its error unchanged through TRY, also of types that only move. Method:
// direct calls.
#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>

#include "base/stop.h"
#include "tests/support/result_matchers.h"

namespace kith {
namespace {

Result<std::unique_ptr<int>> make(int value) {
  if (value < 0) return invalid_argument("value {} is negative", value);
  return std::make_unique<int>(value);
}

Result<int> twice(int value) {
  const std::unique_ptr<int> made = TRY(make(value));
  return 2 * *made;
}

Result<void> check(int value) {
  TRY(make(value));
  return {};
}

TEST(Result, TryPassesValuesAndErrors) {
  ASSERT_VALUE(four, twice(2));
  EXPECT_EQ(four, 4);
  EXPECT_ERROR(twice(-1), Code::kInvalidArgument, "value -1 is negative");
  EXPECT_OK(check(0));
  EXPECT_ERROR(check(-7), Code::kInvalidArgument, "value -7 is negative");
}

TEST(Result, WrongAccessStopsTheProcess) {
  const Result<int> error = not_found("no such thing");
  EXPECT_DEATH((void)error.value(), "broken invariant");
  const Result<int> value = 1;
  EXPECT_DEATH((void)value.error(), "broken invariant");
}

TEST(Result, EveryCodeHasItsName) {
  EXPECT_EQ(code_name(Code::kInvalidArgument), "invalid_argument");
  EXPECT_EQ(code_name(Code::kCorruption), "corruption");
  EXPECT_EQ(code_name(Code::kDeadlineExceeded), "deadline_exceeded");
}

TEST(Stop, DeadlineAndCancellation) {
  EXPECT_OK(Stop{}.check());
  Stop late;
  late.deadline = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  EXPECT_ERROR(late.check(), Code::kDeadlineExceeded, "deadline");
  bool gone = false;
  Stop cancellable;
  cancellable.context = &gone;
  cancellable.cancelled = [](const void* context) { return *static_cast<const bool*>(context); };
  EXPECT_OK(cancellable.check());
  gone = true;
  EXPECT_ERROR(cancellable.check(), Code::kCancelled, "cancelled");
}

}  // namespace
}  // namespace kith
