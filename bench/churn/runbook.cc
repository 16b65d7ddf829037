#include "bench/churn/runbook.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <sstream>
#include <utility>

#include "base/random.h"
#include "base/thread_pool.h"
#include "datasets/ground_truth.h"
#include "datasets/json_text.h"
#include "index/kmeans.h"

namespace kith::bench {
namespace {

constexpr uint32_t kClusters = 64;
constexpr size_t kClusterSample = 20'000;
constexpr uint32_t kClusterRounds = 8;

/// How long rows live that expire, and how many of them: 20 cycles in the mean, which is a share of .05.
struct Lifetime {
  double cycles;  // times .05 / share
  uint32_t weight;
};
constexpr Lifetime kLifetimes[] = {{6, 10}, {40, 2}, {120, 1}};
constexpr double kLifetimeShare = 0.05;

constexpr size_t kAxisSample = 10'000;
constexpr int kAxisRounds = 30;

/// Where each row lies along the axis on which a sample of them varies most, by power iteration.
std::vector<double> along_principal_axis(VectorBlock rows) {
  const auto row = [&](size_t i) { return reinterpret_cast<const float*>(rows[i].data); };
  const size_t count = std::min(kAxisSample, rows.count);
  const auto sampled = [&](size_t i) { return row(i * rows.count / count); };
  std::vector<double> mean(rows.dim), axis(rows.dim, 1), sum(rows.dim);
  for (size_t i = 0; i < count; ++i)
    for (uint32_t d = 0; d < rows.dim; ++d) mean[d] += sampled(i)[d] / static_cast<double>(count);
  const auto along = [&](const float* x) {
    double dot = 0;
    for (uint32_t d = 0; d < rows.dim; ++d) dot += (x[d] - mean[d]) * axis[d];
    return dot;
  };
  for (int round = 0; round < kAxisRounds; ++round) {
    std::fill(sum.begin(), sum.end(), 0);
    for (size_t i = 0; i < count; ++i) {
      const double share = along(sampled(i));
      for (uint32_t d = 0; d < rows.dim; ++d) sum[d] += share * (sampled(i)[d] - mean[d]);
    }
    const double length = std::sqrt(std::inner_product(sum.begin(), sum.end(), sum.begin(), 0.0));
    for (uint32_t d = 0; d < rows.dim && length > 0; ++d) axis[d] = sum[d] / length;
  }
  std::vector<double> out(rows.count);
  for (size_t i = 0; i < rows.count; ++i) out[i] = along(row(i));
  return out;
}

class Planner {
 public:
  Planner(const Runbook& runbook, VectorBlock rows) : runbook_(runbook), rows_(rows), random_(runbook.seed) {}

  Result<Schedule> plan() {
    const auto step = static_cast<size_t>(std::lround(runbook_.share * static_cast<double>(runbook_.rows)));
    if (step == 0)
      return invalid_argument("runbook {}: a share of {} of {} rows is no row", runbook_.name, runbook_.share,
                              runbook_.rows);
    if (rows_.count < runbook_.rows + 2 * step)
      return invalid_argument("runbook {}: needs {} rows, the set has {}", runbook_.name,
                              runbook_.rows + 2 * step, rows_.count);
    order_rows();
    if (runbook_.leave == Runbook::Leave::kClusters) TRY(find_clusters());
    Schedule out;
    out.first = take(waiting_, runbook_.rows);
    for (const uint32_t row : out.first) arrive(row, true);
    for (now_ = 1; now_ <= runbook_.cycles; ++now_) {
      Cycle cycle;
      cycle.leave = leaving(step);
      if (runbook_.leave == Runbook::Leave::kClusters) {
        cycle.come = std::exchange(away_, cycle.leave);
      } else {
        cycle.come = take(waiting_, cycle.leave.size());
        waiting_.insert(waiting_.end(), cycle.leave.begin(), cycle.leave.end());
      }
      for (const uint32_t row : cycle.come) arrive(row, false);
      out.cycles.push_back(std::move(cycle));
    }
    return out;
  }

 private:
  void order_rows() {
    std::vector<uint32_t> order(rows_.count);
    std::iota(order.begin(), order.end(), 0u);
    if (runbook_.come == Runbook::Come::kShuffled) std::shuffle(order.begin(), order.end(), random_);
    if (runbook_.come == Runbook::Come::kPrincipal) {
      const std::vector<double> along = along_principal_axis(rows_);
      std::stable_sort(order.begin(), order.end(),
                       [&](uint32_t a, uint32_t b) { return along[a] < along[b]; });
    }
    waiting_.assign(order.begin(), order.end());
    ends_.resize(rows_.count);
  }

  /// The first `count` of those that wait, or all.
  static std::vector<uint32_t> take(std::deque<uint32_t>& from, size_t count) {
    const auto end = from.begin() + static_cast<ptrdiff_t>(std::min(count, from.size()));
    std::vector<uint32_t> out(from.begin(), end);
    from.erase(from.begin(), end);
    return out;
  }

  /// `first`: the row is one of those before the first cycle, and some way through its life.
  void arrive(uint32_t row, bool first) {
    here_.push_back(row);
    if (runbook_.leave != Runbook::Leave::kExpired) return;
    // Of the rows that are there at a time, those with long lives are more than of those that come.
    double total = 0;
    for (const Lifetime& one : kLifetimes) total += one.weight * (first ? one.cycles : 1);
    double at = random_.uniform() * total;
    const Lifetime* chosen = std::begin(kLifetimes);
    for (; chosen + 1 != std::end(kLifetimes); ++chosen)
      if ((at -= chosen->weight * (first ? chosen->cycles : 1)) < 0) break;
    const double life = chosen->cycles * (kLifetimeShare / runbook_.share);  // exact where they are the same
    ends_[row] = static_cast<double>(now_) + life * (first ? random_.uniform() : 1);
  }

  std::vector<uint32_t> leaving(size_t step) {
    switch (runbook_.leave) {
      case Runbook::Leave::kOldest:
        return take(here_, step);
      case Runbook::Leave::kRandom:
        return leave_random(step);
      case Runbook::Leave::kExpired:
        return leave_if([&](uint32_t row) { return ends_[row] <= static_cast<double>(now_); });
      case Runbook::Leave::kClusters:
        return leave_clusters(step);
    }
    return {};
  }

  std::vector<uint32_t> leave_random(size_t step) {
    for (size_t i = 0; i < step; ++i) std::swap(here_[i], here_[i + random_.below(here_.size() - i)]);
    return take(here_, step);
  }

  template <typename Leaves>
  std::vector<uint32_t> leave_if(Leaves leaves) {
    const auto stays = std::stable_partition(here_.begin(), here_.end(), leaves);
    return take(here_, static_cast<size_t>(stays - here_.begin()));
  }

  std::vector<uint32_t> leave_clusters(size_t step) {
    std::vector<size_t> sizes(kClusters);
    for (const uint32_t row : here_) ++sizes[cluster_[row]];
    std::vector<bool> goes(kClusters);
    // The last one that no longer fits stays, unless none has been found.
    for (size_t gone = 0, tries = 0; tries < 4 * kClusters; ++tries) {
      const uint64_t one = random_.below(kClusters);
      if (goes[one] || sizes[one] == 0 || (gone > 0 && gone + sizes[one] > step + step / 4)) continue;
      goes[one] = true;
      gone += sizes[one];
      if (gone >= step) break;
    }
    return leave_if([&](uint32_t row) { return goes[cluster_[row]]; });
  }

  Result<void> find_clusters() {
    KMeansSpec spec;
    spec.dim = rows_.dim;
    spec.centroids = kClusters;
    spec.iterations = kClusterRounds;
    spec.seed = runbook_.seed;
    const size_t count = std::min(kClusterSample, rows_.count);
    std::vector<float> sample(count * rows_.dim);
    for (size_t i = 0; i < count; ++i)
      std::copy_n(reinterpret_cast<const float*>(rows_[i * rows_.count / count].data), rows_.dim,
                  sample.begin() + static_cast<ptrdiff_t>(i * rows_.dim));
    const std::vector<float> centroids = TRY(train_kmeans(spec, sample.data(), count));
    const VectorBlock near{reinterpret_cast<const std::byte*>(centroids.data()), ScalarType::kF32, rows_.dim,
                           kClusters};
    ThreadPool pool(0);
    const Neighbors nearest = TRY(exact_neighbors(near, rows_, Metric::kL2, 1, &pool));
    cluster_.resize(rows_.count);
    for (size_t row = 0; row < rows_.count; ++row) cluster_[row] = static_cast<uint32_t>(nearest[row][0]);
    return {};
  }

  const Runbook& runbook_;
  VectorBlock rows_;
  Random random_;
  size_t now_ = 0;
  std::deque<uint32_t> waiting_;   // to come, in this order
  std::deque<uint32_t> here_;      // in the order in which they came, unless any may leave
  std::vector<uint32_t> away_;     // clusters that come back in the next cycle
  std::vector<double> ends_;       // by row: the cycle in which it expires
  std::vector<uint32_t> cluster_;  // by row
};

/// One of `names` at a field of a runbook, as a number.
template <typename Value, size_t kCount>
Result<Value> choice(const JsonNode& root, std::string_view field, const std::string_view (&names)[kCount]) {
  const JsonNode* found = root.find(field);
  for (size_t i = 0; found != nullptr && found->is(JsonNode::Type::kText) && i < kCount; ++i)
    if (found->text == names[i]) return static_cast<Value>(i);
  return invalid_argument("{} is none of: {}", field, fmt::join(names, ", "));
}

Result<double> number(const JsonNode& root, std::string_view field, double low, double high) {
  const JsonNode* found = root.find(field);
  if (found == nullptr || !found->is(JsonNode::Type::kNumber) || found->number < low || found->number > high)
    return invalid_argument("{} is no number from {} to {}", field, low, high);
  return found->number;
}

Result<Runbook> parse(std::string_view text) {
  JsonTreeParser parser;
  const JsonNode root = TRY(parser.parse(text));
  if (!root.is(JsonNode::Type::kObject)) return invalid_argument("no object");
  static constexpr std::string_view kFields[] = {"about", "rows", "cycles", "share", "come", "leave", "seed"};
  for (const JsonNode::Field& field : root.fields)
    if (std::find(std::begin(kFields), std::end(kFields), field.name) == std::end(kFields))
      return invalid_argument("there is no field '{}'", field.name);
  static constexpr std::string_view kCome[] = {"shuffled", "stored", "principal"};
  static constexpr std::string_view kLeave[] = {"oldest", "random", "expired", "clusters"};
  Runbook out;
  if (const JsonNode* about = root.find("about")) out.about = about->text;
  out.rows = static_cast<size_t>(TRY(number(root, "rows", 1, 1e9)));
  out.cycles = static_cast<size_t>(TRY(number(root, "cycles", 1, 1e6)));
  out.share = TRY(number(root, "share", 0, 0.5));
  out.seed = static_cast<uint64_t>(TRY(number(root, "seed", 0, 1e9)));
  out.come = TRY(choice<Runbook::Come>(root, "come", kCome));
  out.leave = TRY(choice<Runbook::Leave>(root, "leave", kLeave));
  return out;
}

}  // namespace

Result<Runbook> read_runbook(const std::string& path) {
  std::ifstream file(path);
  if (!file) return not_found("runbook {}: cannot be read", path);
  std::stringstream text;
  text << file.rdbuf();
  Result<Runbook> runbook = parse(text.str());
  if (!runbook) return invalid_argument("runbook {}: {}", path, runbook.error().message);
  runbook->name = std::filesystem::path(path).stem().string();
  return runbook;
}

Result<Schedule> schedule_of(const Runbook& runbook, VectorBlock rows) {
  return Planner(runbook, rows).plan();
}

}  // namespace kith::bench
