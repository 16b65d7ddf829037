#include "query/plan/unit_costs.h"

#include <algorithm>
#include <array>
#include <vector>

namespace kith {
namespace {

constexpr size_t kTerms = 6;
constexpr int kSweeps = 2000;

using Terms = std::array<double, kTerms>;

struct Equation {
  Terms terms;
  double sum;
};

/// Minimises the squared relative errors over non-negative factors, one factor after the other. Normal
/// equations, so a sweep does not depend on how many equations there are. The constant comes last: where all
/// searches are alike, what they took is put down to what they did.
Terms solve(std::span<const Equation> equations) {
  std::array<Terms, kTerms> products{};
  Terms right{}, factors{};
  for (const Equation& equation : equations) {
    if (!(equation.sum > 0)) continue;
    for (size_t i = 0; i < kTerms; ++i) {
      right[i] += equation.terms[i] / equation.sum;
      for (size_t j = 0; j < kTerms; ++j)
        products[i][j] += equation.terms[i] / equation.sum * (equation.terms[j] / equation.sum);
    }
  }
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    for (size_t i = kTerms; i-- > 0;) {
      if (products[i][i] <= 0) continue;
      double rest = right[i];
      for (size_t j = 0; j < kTerms; ++j)
        if (j != i) rest -= products[i][j] * factors[j];
      factors[i] = std::max(0.0, rest / products[i][i]);
    }
  }
  return factors;
}

Terms terms_of(const MeanWork& work) {
  return {1, work.full_distances, work.code_distances, work.hops, work.predicate_evaluations, work.ios};
}

/// Of what code scans took beyond `others`, in which codes cost nothing yet; errors are relative to all of
/// it.
double scanned_code(std::span<const CostSample> samples, const UnitCosts& others) {
  double product = 0, square = 0;
  for (const CostSample& sample : samples) {
    if (sample.plan != FilterPlan::kCodeScan || !(sample.nanoseconds > 0)) continue;
    const double codes = sample.work.code_distances / sample.nanoseconds;
    product += codes * (1 - others.of(sample.plan, sample.work) / sample.nanoseconds);
    square += codes * codes;
  }
  return square > 0 ? std::max(0.0, product / square) : 0;
}

}  // namespace

UnitCosts fit_unit_costs(std::span<const CostSample> samples) {
  std::vector<Equation> walks, scans;
  for (const CostSample& sample : samples) {
    if (sample.plan == FilterPlan::kScan)
      scans.push_back({{1, sample.work.full_distances}, sample.nanoseconds});
    else if (sample.plan != FilterPlan::kCodeScan)
      walks.push_back({terms_of(sample.work), sample.nanoseconds});
  }
  UnitCosts costs;
  const Terms scanned = solve(scans);
  costs.scanned_row = scanned[1];
  const Terms walked = solve(walks);
  costs.search = walks.empty() ? scanned[0] : walked[0];
  costs.full_distance = walks.empty() ? scanned[1] : walked[1];
  costs.code_distance = walked[2];
  costs.hop = walked[3];
  costs.predicate_evaluation = walked[4];
  costs.io = walked[5];
  costs.scanned_code = scanned_code(samples, costs);
  return costs;
}

}  // namespace kith
