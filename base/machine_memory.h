// How much memory this process may use: the machine's, or less where a control group (a container) says so.
#pragma once

#include <cstdint>
#include <string>

namespace kith {

/// Bytes. 0 when it cannot be told. `root`: where /proc and /sys are, for tests.
uint64_t machine_memory_bytes(const std::string& root = "");

}  // namespace kith
