#include "server/api/convert_plan.h"

#include "query/plan/calibration.h"
#include "server/api/convert.h"

namespace kith {
namespace {

void work_to_proto(const MeanWork& work, v1::Work* out) {
  out->set_full_distances(work.full_distances);
  out->set_code_distances(work.code_distances);
  out->set_hops(work.hops);
  out->set_predicate_evaluations(work.predicate_evaluations);
  out->set_ios(work.ios);
}

MeanWork work_from_proto(const v1::Work& work) {
  MeanWork out;
  out.full_distances = work.full_distances();
  out.code_distances = work.code_distances();
  out.hops = work.hops();
  out.predicate_evaluations = work.predicate_evaluations();
  out.ios = work.ios();
  return out;
}

void costs_to_proto(const UnitCosts& costs, v1::UnitCosts* out) {
  out->set_search(costs.search);
  out->set_full_distance(costs.full_distance);
  out->set_code_distance(costs.code_distance);
  out->set_hop(costs.hop);
  out->set_predicate_evaluation(costs.predicate_evaluation);
  out->set_io(costs.io);
  out->set_scanned_row(costs.scanned_row);
  out->set_scanned_code(costs.scanned_code);
}

UnitCosts costs_from_proto(const v1::UnitCosts& costs) {
  UnitCosts out;
  out.search = costs.search();
  out.full_distance = costs.full_distance();
  out.code_distance = costs.code_distance();
  out.hop = costs.hop();
  out.predicate_evaluation = costs.predicate_evaluation();
  out.io = costs.io();
  out.scanned_row = costs.scanned_row();
  out.scanned_code = costs.scanned_code();
  return out;
}

std::string name_of(FilterPlan plan) {
  return std::string(filter_plan_name(plan));
}

Result<FilterPlan> plan_of(const std::string& name) {
  for (size_t i = 0; i < kFilterPlans; ++i)
    if (const auto plan = static_cast<FilterPlan>(i); filter_plan_name(plan) == name) return plan;
  return unavailable("the server answered by a plan '{}', which this program does not know; take a newer one",
                     shortened(name));
}

void estimate_to_proto(const PlanEstimate& estimate, v1::PlanEstimate* out) {
  out->set_plan(name_of(estimate.plan));
  out->set_effort(estimate.effort);
  out->set_recall(estimate.recall);
  out->set_nanoseconds(estimate.nanoseconds);
  work_to_proto(estimate.work, out->mutable_work());
  out->set_reaches(estimate.reaches);
}

Result<PlanEstimate> estimate_from_proto(const v1::PlanEstimate& estimate) {
  PlanEstimate out;
  out.plan = TRY(plan_of(estimate.plan()));
  out.effort = static_cast<uint32_t>(estimate.effort());
  out.recall = estimate.recall();
  out.nanoseconds = estimate.nanoseconds();
  out.work = work_from_proto(estimate.work());
  out.reaches = estimate.reaches();
  return out;
}

}  // namespace

void taken_to_proto(const TakenPlan& taken, v1::TakenPlan* out) {
  out->set_plan(name_of(taken.plan));
  out->set_effort(taken.effort);
  if (taken.recall.has_value()) out->set_recall(*taken.recall);
  out->set_share(taken.share);
  out->set_correlation(taken.correlation);
}

void explanation_to_proto(const Explanation& explanation, v1::Explanation* out) {
  const Plan& plan = explanation.plan;
  estimate_to_proto(plan.chosen, out->mutable_chosen());
  for (const PlanEstimate& other : plan.others) estimate_to_proto(other, out->add_others());
  out->set_share(plan.share);
  out->set_correlation(plan.correlation);
  out->set_recall_target(plan.recall_target);
  out->set_correlation_known(plan.correlation_known);
  out->set_explores(plan.explores);
  out->set_begun(name_of(explanation.begun));
  costs_to_proto(plan.costs, out->mutable_costs());
  out->set_distances_max(plan.distances_max);
  out->set_fallback(name_of(plan.fallback));
  out->set_calibrated(explanation.calibrated);
  out->set_filter_ns(explanation.times.filter_ns);
  out->set_plan_ns(explanation.times.plan_ns);
  out->set_search_ns(explanation.times.search_ns);
  out->set_fetch_ns(explanation.times.fetch_ns);
}

Result<Explanation> explanation_from_proto(const v1::SearchResponse& answer) {
  const v1::Explanation& explanation = answer.explanation();
  Explanation out;
  out.begun = TRY(plan_of(explanation.begun()));
  out.done = TRY(plan_of(answer.taken().plan()));
  out.plan.chosen = TRY(estimate_from_proto(explanation.chosen()));
  for (const v1::PlanEstimate& other : explanation.others())
    out.plan.others.push_back(TRY(estimate_from_proto(other)));
  out.plan.share = explanation.share();
  out.plan.correlation = explanation.correlation();
  out.plan.recall_target = explanation.recall_target();
  out.plan.correlation_known = explanation.correlation_known();
  out.plan.explores = explanation.explores();
  out.plan.costs = costs_from_proto(explanation.costs());
  out.plan.distances_max = explanation.distances_max();
  out.plan.fallback = TRY(plan_of(explanation.fallback()));
  out.calibrated = explanation.calibrated();
  out.times = {explanation.filter_ns(), explanation.plan_ns(), explanation.search_ns(),
               explanation.fetch_ns()};
  return out;
}

SearchStats stats_from_proto(const v1::SearchStats& stats) {
  SearchStats out;
  out.full_distances = stats.full_distances();
  out.code_distances = stats.code_distances();
  out.hops = stats.hops();
  out.predicate_evaluations = stats.predicate_evaluations();
  out.pending_scanned = stats.pending_scanned();
  out.ios = stats.ios();
  out.bytes_read = stats.bytes_read();
  out.walk_evaluations = stats.walk_evaluations();
  out.walk_passes = stats.walk_passes();
  return out;
}

void recall_to_proto(const FieldRecall& recall, v1::FieldInfo* out) {
  if (recall.calibrated_rows.has_value()) {
    out->mutable_calibrated()->set_rows(*recall.calibrated_rows);
    out->mutable_calibrated()->set_sequence(recall.calibrated_sequence);
    out->mutable_calibrated()->set_queries(recall.calibrated_queries);
  }
  if (recall.running.has_value()) {
    v1::RunningRecall* running = out->mutable_recall();
    running->set_queries(recall.running->queries);
    running->set_mean(recall.running->mean);
    running->set_low(recall.running->low);
    running->set_high(recall.running->high);
    running->set_target(recall.running->target);
  }
  if (recall.calibrating.has_value()) {
    out->mutable_calibrating()->set_done(recall.calibrating->done);
    out->mutable_calibrating()->set_seconds(recall.calibrating->seconds);
  }
}

void calibration_to_proto(const FieldCalibration& field, v1::FieldCalibration* out) {
  out->set_field(field.field);
  out->set_rows(field.calibration->rows);
  out->set_queries(field.calibration->queries);
  out->set_seconds(field.seconds);
  out->set_vector_bytes(field.memory.vector_bytes);
  out->set_structure_bytes(field.memory.structure_bytes);
  for (const CalibrationPoint& point : field.calibration->points) {
    v1::CalibrationPoint* to = out->add_points();
    to->set_plan(name_of(point.plan));
    to->set_share(point.share);
    to->set_correlation(point.correlation);
    to->set_k(point.k);
    to->set_effort(point.effort);
    to->set_queries(point.queries);
    to->set_recall(point.recall);
    to->set_recall_low(point.recall_low);
    to->set_nanoseconds(point.nanoseconds);
    work_to_proto(point.work, to->mutable_work());
  }
}

}  // namespace kith
