// Work that is done on another thread while its progress is drawn.
#pragma once

#include <chrono>
#include <functional>
#include <future>
#include <string>

#include "base/io/file_copy.h"
#include "server/cli/progress.h"

namespace kith {

/// What `work` returns. `look` says how far it is, where that is known.
template <typename Work>
auto watched(Console& console, const std::string& verb, Work work,
             const std::function<std::optional<ProgressState>()>& look) -> decltype(work()) {
  auto working = std::async(std::launch::async, std::move(work));
  Progress progress(console, verb);
  ProgressState state;
  while (working.wait_for(std::chrono::milliseconds(200)) != std::future_status::ready) {
    const std::optional<ProgressState> now = look();
    if (!now.has_value() || now->total.value_or(0) == 0) continue;
    progress.update(state = *now);
  }
  auto result = working.get();
  if (result.ok() && state.total.has_value()) {
    state.done = *state.total;
    progress.finish(state);
  }
  return result;
}

inline ProgressState bytes_state(uint64_t done, uint64_t total) {
  ProgressState state;
  state.of_bytes = true;
  state.done = done;
  state.total = total;
  return state;
}

inline std::function<std::optional<ProgressState>()> look_at(const ByteProgress& progress) {
  return [&progress] { return bytes_state(progress.done, progress.total); };
}

}  // namespace kith
