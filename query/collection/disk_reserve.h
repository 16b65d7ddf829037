// DiskReserve: the part of a disk that upserts leave alone, so that deletes, flushes and compactions have
// room when everything else is used up. What is in the store's memory only counts as used: it will be written
// once more, to files of its own, before its log goes.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include "base/io/file_system.h"
#include "storage/kv/kv_store.h"

namespace kith {

class DiskReserve {
 public:
  /// `bytes`: none = the smaller of 1 GiB and 5 % of the device; 0 = nothing is reserved. All outlive it.
  DiskReserve(FileSystem& fs, const std::string& directory, const KvStore& store,
              std::optional<uint64_t> bytes)
      : fs_(fs), directory_(directory), store_(store), bytes_(bytes) {}

  /// ResourceExhausted, naming what is free and what is reserved, when `bytes` more would reach into the
  /// reserve. Looks at the device now and then only. Any thread.
  /// `copies` of it are written: to the log, and then to a file.
  Result<void> admit(uint64_t bytes, uint64_t copies = 2);

 private:
  using Clock = std::chrono::steady_clock;
  Result<void> look();

  FileSystem& fs_;
  const std::string& directory_;
  const KvStore& store_;
  const std::optional<uint64_t> bytes_;
  std::mutex mutex_;  // guards all below
  std::optional<Clock::time_point> looked_at_;
  uint64_t free_ = 0;       // when it looked
  uint64_t unflushed_ = 0;  // likewise
  uint64_t reserve_ = 0;
  uint64_t admitted_ = 0;  // since then
};

}  // namespace kith
