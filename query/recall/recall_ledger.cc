#include "query/recall/recall_ledger.h"

#include <algorithm>
#include <utility>

namespace kith {
namespace {

int64_t millionths(double share) {
  return static_cast<int64_t>(share * 1e6 + 0.5);
}

}  // namespace

RecallLedger::RecallLedger(const std::string& collection, const VectorField& field)
    : recent_(vector_bytes(query_type(field.type), field.dim)) {
  const MetricLabels labels = {{"collection", collection}, {"field", field.name}};
  const auto gauge = [&](const char* name, const char* help) { return metrics().gauge(name, help, labels); };
  gauges_.mean =
      gauge("kith_recall_millionths", "recall of recent queries that were answered again exactly, mean");
  gauges_.low = gauge("kith_recall_low_millionths", "lower end of its 95 % confidence interval");
  gauges_.high = gauge("kith_recall_high_millionths", "upper end of its 95 % confidence interval");
  gauges_.target = gauge("kith_recall_target_millionths", "recall that these queries asked for, mean");
  gauges_.queries =
      metrics().counter("kith_recall_queries_total", "queries that were answered again exactly", labels);
  gauges_.calibrations = metrics().counter("kith_calibrations_total", "calibrations that were made", labels);
  gauges_.high->set(millionths(1));
}

std::shared_ptr<const Calibration> RecallLedger::calibration() const {
  std::lock_guard lock(mutex_);
  return calibration_;
}

void RecallLedger::replace(KeptCalibration kept, bool anew) {
  auto calibration = std::make_shared<const Calibration>(std::move(kept.calibration));
  recent_.give_again();
  if (anew) gauges_.calibrations->add();
  std::lock_guard lock(mutex_);
  calibration_.swap(calibration);
  measured_ = {kept.rows_end, kept.rows, kept.code_version};
  window_.clear();
  calibrations_ += anew;
}

void RecallLedger::note(double recall, double target) {
  std::lock_guard lock(mutex_);
  window_.add(recall, target);
  const RunningRecall running = window_.running();
  gauges_.mean->set(millionths(running.mean));
  gauges_.low->set(millionths(running.low));
  gauges_.high->set(millionths(running.high));
  gauges_.target->set(millionths(running.target));
  gauges_.queries->add();
}

RecallLedger::Reason RecallLedger::due(const FieldState& now) const {
  std::lock_guard lock(mutex_);
  if (calibration_ == nullptr) return Reason::kNever;
  const uint64_t added = now.rows_end - std::min(now.rows_end, measured_.rows_end);
  const uint64_t removed_now = now.rows_end - std::min(now.rows_end, now.rows);
  const uint64_t removed = removed_now - std::min(removed_now, measured_.rows_end - measured_.rows);
  if (std::max(added, removed) > measured_.rows / 4) return Reason::kChanged;
  if (now.code_version != measured_.code_version) return Reason::kRecoded;
  return window_.drifted() ? Reason::kDrifted : Reason::kNone;
}

void RecallLedger::set_calibrating(std::optional<CalibrationProgress> progress) {
  std::lock_guard lock(mutex_);
  calibrating_ = progress;
}

FieldRecall RecallLedger::recall() const {
  std::lock_guard lock(mutex_);
  FieldRecall recall;
  if (calibration_ != nullptr) {
    recall.calibrated_rows = calibration_->rows;
    recall.calibrated_sequence = calibration_->sequence;
    recall.calibrated_queries = calibration_->queries;
  }
  if (const RunningRecall running = window_.running(); running.queries > 0) recall.running = running;
  recall.calibrations = calibrations_;
  recall.calibrating = calibrating_;
  return recall;
}

}  // namespace kith
