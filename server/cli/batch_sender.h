// BatchSender: points in, batches out, several unanswered at a time; knows which row each batch ends with.
//
// Batches are answered in order and each is atomic, so the rows answered are always a prefix of the rows
// added. That is what `kith load --resume` stands on. Used by one thread.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "base/result.h"
#include "server/api/api.h"

namespace kith {

struct BatchLimits {
  uint64_t rows = 10'000;
  uint64_t bytes = 3u << 20;  // a batch is sent when it reaches one of them
};

class BatchSender {
 public:
  /// `stop` ends the whole stream, whatever is under way.
  static Result<BatchSender> open(Api& api, const std::string& collection, v1::Durability durability,
                                  const BatchLimits& limits, uint64_t first_row, const Stop& stop);

  /// `where` names the point's row for messages, e.g. "file 'x' row 7"; kept for the first point of a batch.
  Result<void> add(v1::Point point, const std::string& where);
  /// Sends what is left and waits for all answers.
  Result<void> finish();

  /// Rows below this number are answered.
  uint64_t acknowledged_row();
  uint64_t sent_bytes() const { return sent_bytes_; }
  /// Of the last batch that was answered.
  uint64_t sequence() const { return stream_->sequence(); }

 private:
  struct Batch {
    uint64_t end_row = 0;
    std::string where;
  };
  BatchSender() = default;
  Result<void> flush();
  void forget_answered();
  /// The refused batch is the oldest one without an answer.
  Error located(const Error& error);

  std::unique_ptr<UpsertStream> stream_;
  BatchLimits limits_;
  v1::UpsertRequest batch_;
  Batch open_;  // of batch_
  uint64_t batch_bytes_ = 0;
  std::deque<Batch> unanswered_;
  uint64_t answered_batches_ = 0;
  uint64_t acknowledged_row_ = 0;
  uint64_t sent_bytes_ = 0;
};

}  // namespace kith
