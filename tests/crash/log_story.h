// Which bytes of RocksDB's logs must be known to have been durable, worked out from a recording alone: a
// record that was written after a sync says so of all that the sync covered.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "tests/crash/workload.h"

namespace kith::crash {

/// Appends of the first `end` operations of a recording to logs.
class LogStory {
 public:
  LogStory(const Recording& recording, size_t end) {
    std::map<uint64_t, std::string> logs;
    std::map<uint64_t, size_t> lengths;
    for (size_t i = 0; i < end; ++i) {
      const FileOp& op = recording.ops[i];
      if (op.kind == FileOp::Kind::kCreate && op.path.ends_with(".log")) logs[op.handle] = op.path;
      const auto log = logs.find(op.handle);
      if (log == logs.end() || op.path == log->second) continue;
      if (op.kind == FileOp::Kind::kSync) syncs_.push_back({log->second, i});
      if (op.kind != FileOp::Kind::kAppend) continue;
      const size_t begin = lengths[op.handle];
      appends_.push_back({log->second, i, begin, lengths[op.handle] += op.bytes.size()});
    }
  }

  /// The operation that wrote the byte, and whether something after `end`, intact, says that it was durable.
  struct Word {
    size_t operation = 0;
    bool vouched = false;
  };
  Word about(const std::string& path, size_t begin, size_t end) const {
    Word word;
    for (const Append& append : appends_)
      if (append.path == path && append.begin <= begin && begin < append.end)
        word.operation = append.operation;
    size_t synced = SIZE_MAX;
    for (const auto& [log, operation] : syncs_)
      if (log == path && operation > word.operation) synced = std::min(synced, operation);
    for (const Append& append : appends_)
      word.vouched |= append.operation > synced && (append.path != path || append.begin >= end);
    return word;
  }

 private:
  struct Append {
    std::string path;
    size_t operation;
    size_t begin;
    size_t end;
  };
  std::vector<Append> appends_;
  std::vector<std::pair<std::string, size_t>> syncs_;
};

}  // namespace kith::crash
