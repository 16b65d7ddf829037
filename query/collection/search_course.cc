#include "query/collection/search_course.h"

#include <algorithm>

#include "query/filter/canonical.h"

namespace kith {
namespace {

/// Up to so many rows of a label for each that is allowed an index may walk them by its own rules.
constexpr uint64_t kMostly = 2;

}  // namespace

void SearchCourse::decide(Returnable returnable, size_t k) {
  if (decided_) return;
  decided_ = true;
  k_ = std::max<size_t>(k, 1);
  filtered_ = returnable.allowed.has_value();
  const PhaseTimer timer(time(&PhaseTimes::plan_ns));
  const uint64_t rows = returnable.rows;
  PlanQuestion question;
  question.rows = rows;
  question.filtered = filtered_;
  question.matches = std::min(rows, returnable.allowed.value_or(rows));
  question.k = static_cast<uint32_t>(k);
  question.recall_target = recall_target_;
  question.effort = query_.effort;
  if (basis_.labels.has_value()) {
    question.labeled = std::max(question.matches, std::min(rows, basis_.labels->rows.value_or(0)));
    const LabelQuery& labels = basis_.labels->query;
    if (labels.match == LabelMatch::kAny) question.labels = static_cast<uint32_t>(labels.labels.size());
    mostly_allowed_ = *question.labeled <= kMostly * question.matches;
  }
  if (basis_.scans) {
    plan_.chosen.plan = begun_ = done_ = FilterPlan::kScan;
    plan_.chosen.recall = 1;
    plan_.recall_target = recall_target_;
    plan_.chosen.work.full_distances = static_cast<double>(question.matches);
    plan_.share = rows == 0 ? 1 : static_cast<double>(question.matches) / static_cast<double>(rows);
    return;
  }
  // Whoever says an effort wants that walk, and what it finds is only predicted; under a filter the index
  // chooses.
  const Calibration* calibration = basis_.calibration.get();
  if (query_.effort != 0 && filtered_) calibration = nullptr;
  if (query_.effort != 0 && !filtered_) question.plan = FilterPlan::kAuto;
  if (filtered_ && calibration != nullptr) {
    filter_hash_ = std::hash<std::string>()(key(*query_.filter));
    const CorrelationGuess guess = basis_.correlations->find(filter_hash_);
    question.correlation = guess.correlation;
    question.explore = guess.explore;
  }
  plan_ = make_plan(calibration, question, query_.explain != Explain::kNone);
  if (calibration == nullptr && rows > 0)
    plan_.share = static_cast<double>(question.matches) / static_cast<double>(rows);
  begun_ = done_ = plan_.chosen.plan;
}

void SearchCourse::direct(SearchRequest& request) const {
  if (basis_.scans) return;
  request.plan = plan_.chosen.plan;
  request.effort = plan_.chosen.effort;
  if (request.effort != 0 && request.k > k_) {
    const uint64_t more = (uint64_t{request.effort} * request.k + k_ - 1) / k_;
    request.effort = static_cast<uint32_t>(std::min<uint64_t>(more, UINT32_MAX));
  }
  request.distances_max = plan_.distances_max;
  request.fallback = plan_.fallback;
  const bool by_labels =
      request.plan == FilterPlan::kLabels || (request.plan == FilterPlan::kAuto && mostly_allowed_);
  if (basis_.labels.has_value() && by_labels) request.labels = &basis_.labels->query;
}

void SearchCourse::note(const SearchAnswer& answer) {
  if (basis_.scans) return;
  begun_ = answer.plan_begun;
  done_ = answer.plan;
  if (filter_hash_ != 0) basis_.correlations->learn(filter_hash_, plan_.share, answer.stats);
}

TakenPlan SearchCourse::taken() const {
  TakenPlan taken;
  taken.plan = done_;
  taken.share = plan_.share;
  taken.correlation = plan_.correlation;
  if (done_ == FilterPlan::kScan) {
    taken.recall = 1;
    return taken;
  }
  taken.effort = plan_.chosen.effort;
  if (!measured()) return taken;
  if (done_ == plan_.chosen.plan)
    taken.recall = plan_.chosen.recall;
  else if (done_ == plan_.fallback && plan_.fallback_reaches)
    taken.recall = plan_.recall_target;
  return taken;
}

std::shared_ptr<const Explanation> SearchCourse::explanation() const {
  if (query_.explain == Explain::kNone) return nullptr;
  return std::make_shared<Explanation>(Explanation{plan_, measured(), begun_, done_, times_});
}

}  // namespace kith
