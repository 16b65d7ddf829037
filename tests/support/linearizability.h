// Is what clients saw of one key possible if every operation had happened at one moment between its begin and
// its end? After Wing and Gong ("Testing and Verifying Concurrent Objects", JPDC 1993) with Lowe's
// just-in-time linearization ("Testing for linearizability", CCPE 2017): walk the begins and ends in order
// and keep every configuration that explains all answers so far: the key's value, and which of the open
// operations have happened. An operation is made to happen only when some end needs it, so configurations
// stay few, and operations of different keys never meet (a map of keys is linearizable if each key is).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace kith::test {

/// Moments are numbers that grow: an operation that ended before another began has end < begin.
struct KeyOperation {
  enum class Kind : uint8_t { kWrite, kErase, kRead };

  Kind kind = Kind::kRead;
  uint64_t value = 0;  // written, or read; 0: the key is not there
  uint64_t begin = 0;
  uint64_t end = 0;
  /// Of a write or an erase: whether the key was there, as the answer said; none: it did not say.
  std::optional<bool> existed = {};
  /// False: nobody answered. It happened between begin and end, or it never will: `end` is when its server
  /// died, or kNever. Only writes and erases.
  bool answered = true;

  static constexpr uint64_t kNever = ~uint64_t{0};
};

std::string to_string(const KeyOperation& operation);

/// None when the history of one key, in any order, is linearizable; else what cannot be. At most 64
/// operations are open at any moment. `first`: the value before.
std::optional<std::string> find_violation(std::span<const KeyOperation> history, uint64_t first = 0);

}  // namespace kith::test
