#include "server/cli/explained.h"

#include <optional>

#include "query/plan/explain.h"
#include "server/api/convert_plan.h"

namespace kith {
namespace {

std::optional<PlanOutcome> outcome_of(const v1::SearchResponse& response, const Explanation& told,
                                      bool searched) {
  if (!searched) return std::nullopt;
  return PlanOutcome{told.begun, told.done, stats_from_proto(response.stats()),
                     static_cast<double>(told.times.search_ns)};
}

}  // namespace

Result<std::string> explained_text(const v1::SearchResponse& response, bool searched) {
  const Explanation told = TRY(explanation_from_proto(response));
  std::string text = explain_text(told.plan, outcome_of(response, told, searched));
  const auto us = [](uint64_t ns) { return static_cast<double>(ns) / 1000; };
  if (told.times.filter_ns > 0) text += fmt::format("filter    {:>10.1f} µs\n", us(told.times.filter_ns));
  text += fmt::format("planning  {:>10.1f} µs\n", us(told.times.plan_ns));
  if (searched)
    text += fmt::format("search    {:>10.1f} µs\nfetching  {:>10.1f} µs\n", us(told.times.search_ns),
                        us(told.times.fetch_ns));
  return text;
}

Result<void> write_explained(const v1::SearchResponse& response, bool searched, JsonWriter& out) {
  if (!response.has_taken()) return {};
  const v1::TakenPlan& taken = response.taken();
  out.key("plan").begin_object().field("plan", taken.plan()).field("effort", taken.effort());
  if (taken.has_recall()) out.field("recall", taken.recall());
  out.field("share", taken.share()).field("correlation", taken.correlation()).end_object();
  if (!response.has_explanation()) return {};
  const Explanation told = TRY(explanation_from_proto(response));
  out.key("explain").begin_object().field("calibrated", told.calibrated);
  out.field("filter_ns", told.times.filter_ns).field("plan_ns", told.times.plan_ns);
  out.field("search_ns", told.times.search_ns).field("fetch_ns", told.times.fetch_ns);
  out.key("plans").raw(explain_json(told.plan, outcome_of(response, told, searched))).end_object();
  return {};
}

}  // namespace kith
