#include "query/plan/calibrate.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

#include "query/plan/measured_curve.h"
#include "query/plan/synthetic_filter.h"

namespace kith {
namespace {

constexpr size_t kScanQueries = 9;                   // long scans; one costs the same for all queries
constexpr uint64_t kShortScan = 2000;                // rows, up to which every query scans
constexpr double kNearShares[] = {0.1, 0.03, 0.01};  // of filters, in turns: no data ends at one of them
constexpr double kSlowerThanScan = 1.5;              // beyond that nobody will want a plan
constexpr uint64_t kWalkScans = 4;                   // distances after which a walk is hopeless, in scans
constexpr double kFilteredStep = 2;                  // between efforts
constexpr uint32_t kRerankShare = 4;     // candidates of a code scan per k, at least (walk_plan.cc)
constexpr uint32_t kExpandedShare = 16;  // of k, the least of efforts without a filter
constexpr uint64_t kNapNs = 20'000'000;
constexpr FilterPlan kWalks[] = {FilterPlan::kCodeScan, FilterPlan::kInline, FilterPlan::kTwoHop,
                                 FilterPlan::kPost};

/// A distance that is no farther than `bound` but for rounding; near rows say what is large here.
float with_rounding(float bound, const std::vector<Neighbor>& ranking) {
  return bound + 1e-5f * std::abs(bound) + 1e-6f * std::abs(ranking.back().distance);
}

double recall_of(const std::vector<Neighbor>& found, Row own, float bound, uint64_t wanted) {
  if (wanted == 0) return 1;
  uint64_t hits = 0;
  for (const Neighbor& neighbor : found) hits += neighbor.row != own && neighbor.distance <= bound;
  return static_cast<double>(std::min(hits, wanted)) / static_cast<double>(wanted);
}

/// What is measured for one share and correlation: filters, and for each k a scan and the other plans.
struct Cell {
  std::vector<SyntheticFilter> filters;  // by near share
  size_t scans = 0;                      // the first of the scans of its share
  std::vector<MeasuredCurve> curves;
};

/// What is measured for labels of one share: scans, which the table has anyway, and walks for each k.
struct LabelCell {
  const LabelGroup* group;
  MeasuredCurve scan;
  std::vector<MeasuredCurve> curves;
};

double mean_share(const LabelGroup& group, uint64_t rows) {
  double sum = 0;
  for (const LabeledRows& labeled : group) sum += static_cast<double>(labeled.rows.size());
  return std::min(1.0, sum / static_cast<double>(group.size() * rows));
}

class Calibrator {
 public:
  Calibrator(const Index& index, const IndexKind& kind, const CalibrateInput& input)
      : index_(index), kind_(kind), input_(input), settings_(input.settings) {}

  Result<Calibration> run() {
    TRY(check());
    prepare();
    const size_t count = input_.queries.count;
    const size_t filtered =
        settings_.shares.empty() ? 0 : std::min<size_t>(count, settings_.filtered_queries_max);
    for (size_t i = 0; i < count; ++i) {
      const uint64_t begin = settings_.clock->monotonic_ns();
      query_ = input_.queries[i];
      own_ = input_.stored_as[i];
      TRY(measure_query(i * filtered / count < (i + 1) * filtered / count));
      ++measured_;
      const uint64_t spent = settings_.clock->monotonic_ns() - begin;
      worked_ns_ += static_cast<double>(spent);
      if (input_.progress)
        input_.progress(std::max(static_cast<double>(i + 1) / static_cast<double>(count),
                                 std::min(1.0, worked_ns_ / (settings_.seconds_max * 1e9))));
      if (worked_ns_ >= settings_.seconds_max * 1e9) break;
      TRY(pause(static_cast<double>(spent) * (1 / settings_.duty - 1)));
    }
    return finish();
  }

 private:
  Result<void> check() const {
    const CalibrateSettings& s = settings_;
    if (input_.queries.count == 0 || input_.stored_as.size() != input_.queries.count)
      return invalid_argument(
          "calibrate: {} queries, stored as {} rows; give a row or kNoRow for each of them",
          input_.queries.count, input_.stored_as.size());
    if (input_.live == nullptr || input_.live->size() < 2)
      return invalid_argument("calibrate: the index has no two live rows");
    const auto is_share = [](double share) { return share > 0 && share <= 1; };
    const auto is_positive = [](double value) { return value > 0 && value <= 1e6; };
    if (s.ks.empty() || std::find(s.ks.begin(), s.ks.end(), 0) != s.ks.end() || !(s.effort_step >= 1.01) ||
        !(s.duty > 0 && s.duty <= 1) || !std::all_of(s.shares.begin(), s.shares.end(), is_share) ||
        !std::all_of(s.correlations.begin(), s.correlations.end(), is_positive))
      return invalid_argument(
          "calibrate: every k is 1 at least, shares and duty lie in (0, 1], correlations "
          "above 0, and efforts grow by 1 % at least");
    return {};
  }

  void prepare() {
    rows_ = input_.live->size();
    for (const uint32_t k : settings_.ks)
      if (k < rows_) ks_.push_back(k);
    if (ks_.empty()) ks_.push_back(1);
    k_max_ = *std::max_element(ks_.begin(), ks_.end());
    truth_.push_back(curve(FilterPlan::kScan, 1, 1, k_max_));
    for (const uint32_t k : ks_) of_all_.push_back(curve(FilterPlan::kAuto, 1, 1, k));
    for (const double share : settings_.shares) {
      const size_t scans = scans_.size();
      for (const uint32_t k : ks_) scans_.push_back(curve(FilterPlan::kScan, share, 1, k));
      for (const double correlation : settings_.correlations) add_cell(share, correlation, scans);
    }
    for (const LabelGroup& group : input_.labels) add_label_cell(group);
  }

  void add_label_cell(const LabelGroup& group) {
    const double share = mean_share(group, rows_);
    const auto has_it = [&](const LabelCell& cell) { return cell.curves.front().key().share == share; };
    if (!(share > 0) || std::ranges::any_of(label_cells_, has_it)) return;
    LabelCell cell{&group, curve(FilterPlan::kScan, share, 1, k_max_), {}};
    for (const uint32_t k : ks_) cell.curves.push_back(curve(FilterPlan::kLabels, share, 1, k));
    label_cells_.push_back(std::move(cell));
  }

  MeasuredCurve curve(FilterPlan plan, double share, double correlation, uint32_t k) const {
    const bool one_effort = plan == FilterPlan::kScan || kind_.exact;
    const uint32_t least = plan == FilterPlan::kCodeScan ? kRerankShare * k
                           : plan == FilterPlan::kAuto   ? std::max(1u, k / kExpandedShare)
                                                         : k;
    const uint32_t first = one_effort ? 0 : least;
    const double step = plan == FilterPlan::kAuto ? settings_.effort_step : kFilteredStep;
    return MeasuredCurve({plan, share, correlation, k}, first, step);
  }

  /// None where a correlation was brought to that of a cell before.
  void add_cell(double share, double correlation, size_t scans) {
    Cell cell{{}, scans, {}};
    for (const double near : kNearShares)
      cell.filters.emplace_back(*input_.live, share, correlation, settings_.seed, near);
    const double reached = cell.filters.front().correlation();
    for (const Cell& other : cells_)
      if (other.scans == scans && std::abs(std::log(other.filters.front().correlation() / reached)) < 0.01)
        return;
    if (!kind_.exact)
      for (const uint32_t k : ks_)
        for (const FilterPlan plan : kWalks) cell.curves.push_back(curve(plan, share, reached, k));
    cells_.push_back(std::move(cell));
  }

  Result<void> measure_query(bool filtered) {
    near_ = filtered ? (near_ + 1) % std::size(kNearShares) : near_;
    const auto near = static_cast<size_t>(static_cast<double>(rows_) * kNearShares[near_]) + 1;
    SearchRequest request;
    request.query = query_;
    request.k = static_cast<uint32_t>(std::max<size_t>(filtered ? near + 1 : 0, k_max_ + 1));
    request.plan = FilterPlan::kScan;
    request.stop = input_.stop;
    MeasuredSearch scan;
    SearchAnswer truth = TRY(timed(request, scan));
    if (!filtered || truth_.front().queries() == 0) add_scan(truth_.front(), scan);
    std::erase_if(truth.neighbors, [&](const Neighbor& neighbor) { return neighbor.row == own_; });
    if (truth.neighbors.empty()) return {};
    const NearRows rows = NearRows::of(std::move(truth.neighbors), filtered ? near : 0);
    if (filtered)
      for (Cell& cell : cells_) TRY(measure_cell(cell, rows));
    if (filtered) {
      for (LabelCell& cell : label_cells_) TRY(measure_labels(cell));
      ++labels_turn_;
    }
    for (MeasuredCurve& curve : of_all_) TRY(measure_of_all(curve, rows.ranking));
    return {};
  }

  Result<void> measure_of_all(MeasuredCurve& curve, const std::vector<Neighbor>& ranking) {
    SearchRequest request = request_of(curve);
    request.left_out = own_;
    if (kind_.exact && own_ != kNoRow) ++request.k;
    const uint64_t wanted = std::min<uint64_t>(curve.key().k, ranking.size());
    return climb(curve, request, with_rounding(ranking[wanted - 1].distance, ranking), wanted,
                 truth_.front().enough_nanoseconds(1));
  }

  Result<void> measure_cell(Cell& cell, const NearRows& near) {
    const RowSet allowed = cell.filters[near_].around(near, own_);
    const uint64_t matches = allowed.size();
    std::vector<Neighbor> best;
    for (const Neighbor& neighbor : near.ranking)
      if (best.size() < k_max_ && near.rows.contains(neighbor.row) && allowed.contains(neighbor.row))
        best.push_back(neighbor);
    for (size_t i = 0; i < ks_.size(); ++i) {
      MeasuredCurve& scan = scans_[cell.scans + i];
      if (ks_[i] >= matches) continue;  // all of them are the answer
      if (scan.queries() < kScanQueries || matches <= kShortScan || best.size() < ks_[i]) {
        SearchRequest request = request_of(scan);
        request.allowed = &allowed;
        TRY(measure_scan(scan, request, best));
      }
      double enough_ns = scan.enough_nanoseconds(1);
      if (best.size() < ks_[i]) continue;  // rows were removed meanwhile
      for (MeasuredCurve& curve : cell.curves) {
        if (curve.key().k != ks_[i] || absent_[static_cast<size_t>(curve.key().plan)]) continue;
        SearchRequest request = request_of(curve);
        request.allowed = &allowed;
        request.left_out = own_;
        request.distances_max = kWalkScans * matches;
        TRY(climb(curve, request, with_rounding(best[ks_[i] - 1].distance, near.ranking), ks_[i], enough_ns));
        const double codes_ns = curve.enough_nanoseconds(settings_.recall_enough);
        if (curve.key().plan == FilterPlan::kCodeScan && codes_ns > 0)
          enough_ns = std::min(enough_ns, codes_ns);
      }
    }
    return {};
  }

  Result<void> measure_labels(LabelCell& cell) {
    const LabeledRows& labeled = (*cell.group)[labels_turn_ % cell.group->size()];
    RowSet allowed = labeled.rows;
    allowed.remove(own_);
    std::vector<Neighbor> best;
    SearchRequest scan = request_of(cell.scan);
    scan.allowed = &allowed;
    TRY(measure_scan(cell.scan, scan, best));
    for (MeasuredCurve& curve : cell.curves) {
      const uint32_t k = curve.key().k;
      if (k >= allowed.size() || best.size() < k) continue;  // all of them are the answer
      SearchRequest request = request_of(curve);
      request.allowed = &allowed;
      request.labels = &labeled.labels;
      request.left_out = own_;
      request.distances_max = kWalkScans * allowed.size();
      TRY(climb(curve, request, with_rounding(best[k - 1].distance, best), k,
                cell.scan.enough_nanoseconds(1)));
    }
    return {};
  }

  Result<void> measure_scan(MeasuredCurve& scan, const SearchRequest& request, std::vector<Neighbor>& best) {
    MeasuredSearch search;
    SearchAnswer answer = TRY(timed(request, search));
    add_scan(scan, search);
    if (answer.neighbors.size() > best.size()) best = std::move(answer.neighbors);
    return {};
  }

  static void add_scan(MeasuredCurve& scan, const MeasuredSearch& search) {
    scan.next_query();
    scan.next_effort({});
    scan.add(search);
  }

  /// Searches at one effort after the other until more would find or matter nothing.
  Result<void> climb(MeasuredCurve& curve, SearchRequest& request, float bound, uint64_t wanted,
                     double enough_ns) {
    const MeasuredCurve::Limits limits{settings_.recall_enough, kSlowerThanScan * enough_ns,
                                       settings_.effort_max};
    curve.next_query();
    while (const std::optional<uint32_t> effort = curve.next_effort(limits)) {
      request.effort = *effort;
      MeasuredSearch search;
      const SearchAnswer answer = TRY(timed(request, search));
      if (answer.plan_begun != request.plan && request.allowed != nullptr) {  // not one of this index's
        if (request.labels == nullptr) absent_[static_cast<size_t>(request.plan)] = true;
        return {};
      }
      search.recall = recall_of(answer.neighbors, own_, bound, wanted);
      curve.add(search);
    }
    return {};
  }

  SearchRequest request_of(const MeasuredCurve& curve) const {
    SearchRequest request;
    request.query = query_;
    request.k = curve.key().k;
    request.plan = curve.key().plan;
    request.stop = input_.stop;
    return request;
  }

  Result<SearchAnswer> timed(const SearchRequest& request, MeasuredSearch& search) const {
    const uint64_t begin = settings_.clock->monotonic_ns();
    SearchAnswer answer = TRY(index_.search(request));
    search.nanoseconds = static_cast<double>(settings_.clock->monotonic_ns() - begin);
    search.fell_back = answer.plan != answer.plan_begun;
    search.stats = answer.stats;
    return answer;
  }

  Result<void> pause(double nanoseconds) const {
    for (; nanoseconds > 0; nanoseconds -= static_cast<double>(kNapNs)) {
      TRY(input_.stop.check());
      const auto nap = static_cast<int64_t>(std::min(nanoseconds, static_cast<double>(kNapNs)));
      std::this_thread::sleep_for(std::chrono::nanoseconds(nap));
    }
    return input_.stop.check();
  }

  Calibration finish() const {
    Calibration calibration;
    calibration.rows = rows_;
    calibration.sequence = input_.sequence;
    calibration.queries = measured_;
    std::vector<CostSample> costs;
    const auto take = [&](const std::vector<MeasuredCurve>& curves) {
      for (const MeasuredCurve& one : curves)
        if (one.queries() > 0 && !absent_[static_cast<size_t>(one.key().plan)])
          one.finish(calibration.points, costs);
    };
    take(of_all_);
    take(scans_);
    if (std::find(settings_.shares.begin(), settings_.shares.end(), 1.0) == settings_.shares.end())
      take(truth_);
    for (const Cell& cell : cells_) take(cell.curves);
    for (const LabelCell& cell : label_cells_) take(cell.curves);
    calibration.costs = fit_unit_costs(costs);
    calibration.prepare();
    return calibration;
  }

  const Index& index_;
  const IndexKind& kind_;
  const CalibrateInput& input_;
  const CalibrateSettings& settings_;
  uint64_t rows_ = 0;
  std::vector<uint32_t> ks_;
  uint32_t k_max_ = 0;
  std::vector<MeasuredCurve> truth_;   // one: the scans of all rows
  std::vector<MeasuredCurve> of_all_;  // by k
  std::vector<MeasuredCurve> scans_;   // by share and k
  std::vector<Cell> cells_;
  std::vector<LabelCell> label_cells_;
  bool absent_[kFilterPlans] = {};  // plans that the index does not have
  VectorView query_;
  size_t near_ = 0;         // the near share of the query's filters
  size_t labels_turn_ = 0;  // which of a group's labels
  Row own_ = kNoRow;
  uint64_t measured_ = 0;
  double worked_ns_ = 0;
};

}  // namespace

Result<Calibration> calibrate(const Index& index, const IndexKind& kind, const CalibrateInput& input) {
  return Calibrator(index, kind, input).run();
}

}  // namespace kith
