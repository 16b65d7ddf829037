// Stop: the caller's deadline and cancellation, polled inside searches and loads every few hundred distances.
#pragma once

#include <chrono>

#include "base/result.h"

namespace kith {

struct Stop {
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  bool (*cancelled)(const void* context) = nullptr;  // thread-safe; null when nobody can cancel
  const void* context = nullptr;

  bool operator==(const Stop&) const = default;

  /// OK while the work is still wanted; DeadlineExceeded or Cancelled otherwise.
  Result<void> check() const {
    if (cancelled != nullptr && cancelled(context))
      return make_error(Code::kCancelled, "the caller cancelled the request");
    if (deadline != std::chrono::steady_clock::time_point::max() &&
        std::chrono::steady_clock::now() >= deadline)
      return make_error(Code::kDeadlineExceeded,
                        "the request's deadline passed; ask with a longer one or lower effort");
    return {};
  }
};

}  // namespace kith
