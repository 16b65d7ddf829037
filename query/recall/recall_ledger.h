// RecallLedger: what is known of the recall of one field: its calibration, the queries it was asked of late,
// what those found that were answered again exactly, and whether all that says to measure anew.
//
// Searches read the calibration and offer themselves; everything else belongs to whoever keeps the promise
// (query/collection/recall_keeper.h).
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/metrics.h"
#include "query/plan/correlation.h"
#include "query/recall/calibration_record.h"
#include "query/recall/recall_window.h"
#include "query/recall/recent_queries.h"
#include "query/types.h"

namespace kith {

/// Of a field, now.
struct FieldState {
  uint64_t rows_end = 0;      // rows given
  uint64_t rows = 0;          // of them live
  uint32_t code_version = 0;  // of its index (IndexStats)
};

/// Thread-safe.
class RecallLedger {
 public:
  RecallLedger(const std::string& collection, const VectorField& field);

  /// Null: there is none. Stays whole for whoever holds it.
  std::shared_ptr<const Calibration> calibration() const;
  /// From now on this one holds; what was found by the one before says nothing any more. `anew`: it was just
  /// measured, not read back.
  void replace(KeptCalibration kept, bool anew);

  RecentQueries& recent() { return recent_; }
  const RecentQueries& recent() const { return recent_; }

  /// Of the field's filters with its queries, as searches met it.
  CorrelationMemory& correlations() { return correlations_; }

  /// A recent query was answered again: what it found of what there is, and what it was to find.
  void note(double recall, double target);

  enum class Reason : uint8_t { kNone, kNever, kChanged, kRecoded, kDrifted };
  /// Why the field should be measured now. kChanged: more than a quarter of its rows. kRecoded: its index has
  /// other codes.
  Reason due(const FieldState& now) const;

  void set_calibrating(std::optional<CalibrationProgress> progress);
  FieldRecall recall() const;

 private:
  struct Gauges {  // in millionths
    std::shared_ptr<Gauge> mean, low, high, target;
    std::shared_ptr<Counter> queries, calibrations;
  };

  RecentQueries recent_;
  CorrelationMemory correlations_;
  Gauges gauges_;
  mutable std::mutex mutex_;                        // guards all below
  std::shared_ptr<const Calibration> calibration_;  // null: none
  FieldState measured_;                             // when it was
  uint64_t calibrations_ = 0;                       // since the directory was opened
  RecallWindow window_;
  std::optional<CalibrationProgress> calibrating_;
};

constexpr const char* reason_text(RecallLedger::Reason reason) {
  constexpr const char* kTexts[] = {"none", "never measured", "rows changed", "codes trained anew",
                                    "recall drifted"};
  return kTexts[static_cast<size_t>(reason)];
}

}  // namespace kith
