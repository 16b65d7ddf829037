#include "server/cli/batch_sender.h"

namespace kith {
namespace {

// Tag and length of one point inside a batch.
constexpr uint64_t kPointOverhead = 8;

}  // namespace

Result<BatchSender> BatchSender::open(Api& api, const std::string& collection, v1::Durability durability,
                                      const BatchLimits& limits, uint64_t first_row, const Stop& stop) {
  BatchSender sender;
  sender.stream_ = TRY(api.upsert_stream(stop));
  sender.limits_ = limits;
  sender.batch_.set_collection(collection);
  sender.batch_.set_durability(durability);
  sender.open_.end_row = first_row;
  sender.acknowledged_row_ = first_row;
  return sender;
}

Result<void> BatchSender::add(v1::Point point, const std::string& where) {
  const uint64_t bytes = point.ByteSizeLong() + kPointOverhead;
  if (batch_.points_size() > 0 && batch_bytes_ + bytes > limits_.bytes) TRY(flush());
  if (batch_.points_size() == 0) open_.where = where;
  *batch_.add_points() = std::move(point);
  batch_bytes_ += bytes;
  ++open_.end_row;
  if (static_cast<uint64_t>(batch_.points_size()) >= limits_.rows) TRY(flush());
  return {};
}

Result<void> BatchSender::flush() {
  if (batch_.points_size() == 0) return {};
  unanswered_.push_back(open_);
  auto sent = stream_->send(batch_);
  if (!sent.ok()) return located(sent.error());
  sent_bytes_ += batch_bytes_;
  batch_.clear_points();
  batch_bytes_ = 0;
  return {};
}

Result<void> BatchSender::finish() {
  TRY(flush());
  auto finished = stream_->finish();
  if (!finished.ok()) return located(finished.error());
  forget_answered();
  return {};
}

uint64_t BatchSender::acknowledged_row() {
  forget_answered();
  return acknowledged_row_;
}

void BatchSender::forget_answered() {
  for (const uint64_t answered = stream_->acknowledged(); answered_batches_ < answered; ++answered_batches_) {
    CHECK(!unanswered_.empty());
    acknowledged_row_ = unanswered_.front().end_row;
    unanswered_.pop_front();
  }
}

Error BatchSender::located(const Error& error) {
  forget_answered();
  const std::string where = unanswered_.empty() ? "the load" : "the batch from " + unanswered_.front().where;
  return make_error(error.code, "{}: {}", where, error.message);
}

}  // namespace kith
