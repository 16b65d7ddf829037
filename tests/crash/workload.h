// Drives a database through its public API and keeps the history of what it was asked: batches on several
// collections by several writers, small enough memtables that flushes, compactions, blob files and new logs
// come by the dozen, collections made and dropped, checkpoints. All choices follow from a seed; what threads
// do at the same time does not.
#pragma once

#include <functional>
#include <string>

#include "base/io/disk_model.h"
#include "tests/crash/history.h"

namespace kith::crash {

/// Where the database lies in every image.
inline const std::string kDirectory = "/db";

/// The number that an environment variable holds.
uint64_t from_environment(const char* name, uint64_t otherwise);

/// Options of a database whose every byte is in `fs`, with nothing that happens by the clock.
DatabaseOptions crash_options(FileSystem& fs, uint64_t seed);

struct Plan {
  uint64_t seed = 0;
  uint64_t batches = 0;  // of each writer
  int writers = 1;
  bool devices_fail = false;  // a call that is refused is no problem, but one that may have been done
};

/// Runs the plan on an open database. `position` says how much is recorded by now. What it answered goes into
/// `history`, which says what is there at the beginning. A problem, or nothing.
std::string run_plan(Database& db, const Plan& plan, const std::function<size_t()>& position,
                     History& history);

/// A run and all that a disk went through in it.
struct Recording {
  DiskImage start;
  std::vector<FileOp> ops;
  size_t ran = 0;   // so many of them were done before the database was closed
  History history;  // finished
  std::string problem;
};

/// Opens what `image` holds, checks it, and goes on from there by `plan`.
Recording record(const DiskImage& image, const History& history, const Moment& moment, const Plan& plan,
                 bool syncs_lie = false);

/// Opens what `image` holds and checks it, with a search in each collection; thoroughly: also `verify` and
/// more searches. Empty when all is as it must be.
std::string check_image(const DiskImage& image, const History& history, const Moment& moment, bool thoroughly,
                        uint64_t seed);

/// Writes `image` to a directory of the machine, below its temporary one, so that people can look at it. The
/// directory, in which the image has the name "image".
std::string keep_image(const DiskImage& image, const std::string& name);

}  // namespace kith::crash
