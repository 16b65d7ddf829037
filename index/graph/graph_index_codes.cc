// A graph's code is trained once there are enough rows, and anew when what is stored has drifted away from
// what it was trained on: on the pool, beside searches, writes and linkers, or on the thread of whoever
// writes where there is none. Not with deterministic=true, where the graph would depend on when.
//
// What drift costs. RaBitQ takes the distance of q and x apart at a centre c (Gao and Long, "RaBitQ", SIGMOD
// 2024, section 3.1); what it estimates is the product of the two residuals, and the error of that grows with
// |x - c| |q - c| / sqrt(D - 1) (theorem 3.2). For x near q only what of q is orthogonal to x - c counts,
// |q - x| at most, so an estimate errs, as a share of their squared distance, by |x - c| / |q - x|. Of that
// the codes decide |x - c|, whose mean square is least at the mean of the rows; a bit more per dimension
// makes up for twice that length. Rows and what their codes stand for differ by that length times what the
// bits leave: so the ratio of these distortions, of the code in use and of one trained now, is that of the
// squared lengths.
#include <algorithm>
#include <chrono>
#include <thread>

#include "base/log.h"
#include "base/random.h"
#include "base/schedule.h"
#include "index/graph/graph_index.h"

namespace kith {
namespace {

constexpr uint64_t kChangesShare = 8;  // one live row in so many came or went before drift is measured again
constexpr uint64_t kChangesMin = in_schedules(6, 1024);  // and so many at least
// Of distortions: at 1.5 reranking takes a fifth more vectors and recall is as it was, at 3.5 it is up to two
// points lower (sift; ADR 8). Rows replaced at random stay below 1.1.
constexpr double kDriftMax = static_cast<double>(in_schedules(0, 150)) / 100;
constexpr size_t kSample = in_schedules(8, 1024);  // rows that it is measured on
constexpr size_t kSampleMin = in_schedules(4, 256);
constexpr size_t kSampleBytes = 16 << 20;
constexpr size_t kSampleStep = 64;  // rows read at a time
constexpr size_t kEncodeStep = in_schedules(3, 1024);
constexpr size_t kEncodeBytes = 1 << 20;
constexpr auto kPause = std::chrono::microseconds(in_schedules(0, 1000));

}  // namespace

/// The first one comes in while no linker is under way: codes of linked nodes are written here, all others by
/// the linkers that will meet them. Searches go on. With the codes comes the file, where vectors are to leave
/// memory.
Result<void> GraphIndex::train_codes(Node nodes) {
  std::unique_ptr<CodeStore> codes =
      TRY(CodeStore::train(graph_.vectors(), nodes, graph_.options().code_bits, spec_.seed));
  TRY(codes->grow(nodes));
  if (graph_.vectors().leaves_memory()) {
    TRY(graph_.vectors().start_file(*spec_.fs, spec_.directory));
    TRY(graph_.vectors().write_behind(nodes));
  }
  const std::unique_lock linking = without_linkers();
  for (Node node = 0; node < rows_.size(); ++node)
    if (graph_.linked(node)) codes->encode(node, graph_.vectors()[node]);
  graph_.all_codes().adopt(std::move(codes));
  return {};
}

void GraphIndex::count_changes(uint64_t rows) {
  changes_.fetch_add(rows, std::memory_order_relaxed);
  if (!renewing_.load(std::memory_order_relaxed) && !drift_is_due()) return;
  if (spec_.pool != nullptr) return queue_.ask_for_tidying();
  const std::lock_guard renewing(renewal_mutex_);
  while (renew_codes() == Renewal::kMore) {
  }
}

bool GraphIndex::drift_is_due() const {
  const GraphOptions& options = graph_.options();
  if (graph_.codes() == nullptr || !options.retrain || options.deterministic || waits_for_build())
    return false;
  const uint64_t changes = changes_.load(std::memory_order_relaxed);
  return changes >= std::max(kChangesMin, rows_.live_count() / kChangesShare);
}

/// One step, and asks for the next, so that linking has its turn.
void GraphIndex::renew_some() {
  Renewal done = Renewal::kIdle;
  {
    const std::unique_lock renewing(renewal_mutex_, std::try_to_lock);
    if (!renewing.owns_lock()) return;  // somebody else is at it
    done = renew_codes();
  }
  if (done == Renewal::kIdle) return;
  if (done == Renewal::kWaits) std::this_thread::sleep_for(kPause);
  queue_.ask_for_tidying();
}

Result<void> GraphIndex::finish_renewal(const Stop& stop) {
  while (true) {
    TRY(stop.check());
    Renewal done = Renewal::kIdle;
    {
      const std::lock_guard renewing(renewal_mutex_);
      done = renew_codes();
    }
    if (done == Renewal::kIdle) return {};
    if (done == Renewal::kWaits) std::this_thread::sleep_for(kPause);
    schedule_point();
  }
}

/// One step of measuring drift and bringing in a new code. The caller holds renewal_mutex_, as for all below.
GraphIndex::Renewal GraphIndex::renew_codes() {
  Renewal done = Renewal::kMore;
  try {
    done = renew_step();
  } catch (const std::bad_alloc&) {
    give_up_codes("no memory");
  }
  renewing_.store(done != Renewal::kIdle, std::memory_order_relaxed);
  return done;
}

GraphIndex::Renewal GraphIndex::renew_step() {
  GraphCodes& codes = graph_.all_codes();
  if (codes.next() != nullptr) return renewal_.encoded < renewal_.end ? encode_some() : end_encoding();
  if (codes.before() != nullptr) return drop_codes_before();
  if (renewal_.trained == nullptr && (!drift_is_due() || !measure_drift())) return Renewal::kIdle;
  return begin_encoding();
}

/// Those on their way in, until drift is measured again.
void GraphIndex::give_up_codes(std::string_view why) {
  log_warn("codes trained anew are given up", {{"kind", kind_.name}, {"error", why}});
  changes_.store(0, std::memory_order_relaxed);
  renewal_.trained = nullptr;
  renewal_.failed = graph_.all_codes().next() != nullptr;
  renewal_.encoded = renewal_.end;
}

/// Leaves a code trained on what is there now where that is much better than the one in use.
bool GraphIndex::measure_drift() {
  changes_.store(0, std::memory_order_relaxed);
  Result<std::vector<float>> sample = sample_live();
  if (!sample || sample->size() < kSampleMin * graph_.space().dim) return false;
  const CodeStore& in_use = *graph_.codes();
  auto trained = CodeStore::train_on(graph_.space(), *sample, graph_.options().code_bits, spec_.seed,
                                     in_use.version() + 1);
  if (!trained) return false;
  const double least = (*trained)->distortion(*sample);
  if (!(least > 0) || !(in_use.distortion(*sample) > kDriftMax * least)) return false;
  if (!(*trained)->grow(rows_.size())) return false;
  log_debug("codes are trained anew", {{"kind", kind_.name}, {"version", (*trained)->version()}});
  renewal_.trained = std::move(trained).value();
  return true;
}

/// Of rows that are there, linked or not: those that wait may be most, and others than those that do not. In
/// f32.
Result<std::vector<float>> GraphIndex::sample_live() {
  const VectorSpace& space = graph_.space();
  const size_t most = std::clamp(kSampleBytes / (space.dim * sizeof(float)), kSampleMin, kSample);
  Random random(mix64(graph_.seed() ^ ++renewal_.samples));
  std::vector<Node> drawn;
  const Node nodes = rows_.size();
  for (size_t tries = 0; tries < 16 * most && drawn.size() < most; ++tries)
    if (const auto node = static_cast<Node>(random.below(nodes)); !rows_.removed(node)) drawn.push_back(node);
  std::sort(drawn.begin(), drawn.end());
  std::vector<float> sample;
  FetchedRows room;
  SearchStats stats;
  for (size_t begin = 0; begin < drawn.size(); begin += kSampleStep) {
    const GracePeriod::Reader reader(free_.grace());
    std::vector<Node> some;
    for (size_t i = begin; i < std::min(begin + kSampleStep, drawn.size()); ++i)
      if (!rows_.removed(drawn[i])) some.push_back(drawn[i]);
    const void* const* vectors = TRY(graph_.vectors().fetch(some, room, stats));
    for (size_t i = 0; i < some.size(); ++i) {
      sample.resize(sample.size() + space.dim);
      to_f32(static_cast<const std::byte*>(vectors[i]), space.dim, space.type, &*sample.end() - space.dim);
    }
  }
  return sample;
}

/// Does so while no linker is under way, nor anybody who holds linkers off for long or saves: false, not now.
template <typename Change>
bool GraphIndex::change_codes(Change change) {
  const std::unique_lock tidying(tidy_mutex_, std::try_to_lock);
  if (!tidying.owns_lock()) return false;
  const std::unique_lock linking = without_linkers();
  change();
  return true;
}

/// From now on linkers write the new code of whatever they link, too.
GraphIndex::Renewal GraphIndex::begin_encoding() {
  Result<void> begun;
  const bool done = change_codes([&] {
    renewal_.encoded = 0;
    renewal_.end = rows_.size();
    begun = graph_.all_codes().begin(std::move(renewal_.trained));
  });
  if (!done) return Renewal::kWaits;
  return begun ? Renewal::kMore : Renewal::kIdle;
}

/// Of nodes that were linked before. What is found linked here may leave the graph meanwhile, but is no other
/// row's before this reader is gone; what comes back after that is written by who links it.
GraphIndex::Renewal GraphIndex::encode_some() {
  const GracePeriod::Reader reader(free_.grace());
  const VectorStore& vectors = graph_.vectors();
  const auto step = static_cast<Node>(std::clamp<size_t>(kEncodeBytes / vectors.stride(), 1, kEncodeStep));
  const Node end = renewal_.end - renewal_.encoded > step ? renewal_.encoded + step : renewal_.end;
  std::vector<Node> nodes;
  for (Node node = renewal_.encoded; node < end; ++node)
    if (graph_.linked(node) && !graph_.left(node)) nodes.push_back(node);
  FetchedRows room;
  SearchStats stats;
  const Result<const void* const*> rows = vectors.fetch(nodes, room, stats);
  if (!rows) {
    give_up_codes(rows.error().message);
    return Renewal::kMore;
  }
  CodeStore& next = *graph_.all_codes().next();
  for (size_t i = 0; i < nodes.size(); ++i) {
    schedule_point();
    next.encode(nodes[i], (*rows)[i]);
  }
  renewal_.encoded = end;
  return Renewal::kMore;
}

GraphIndex::Renewal GraphIndex::end_encoding() {
  GraphCodes& codes = graph_.all_codes();
  std::unique_ptr<CodeStore> given_up;
  const bool done = change_codes([&] {
    if (renewal_.failed)
      given_up = codes.take_next();
    else
      codes.switch_to_next();
  });
  if (!done) return Renewal::kWaits;
  if (std::exchange(renewal_.failed, false)) return Renewal::kIdle;
  renewal_.turn = free_.grace().begin_turn();
  return Renewal::kMore;
}

/// Once no search reads them any more.
GraphIndex::Renewal GraphIndex::drop_codes_before() {
  if (!free_.grace().over(renewal_.turn)) return Renewal::kWaits;
  std::unique_ptr<CodeStore> before;
  if (!change_codes([&] { before = graph_.all_codes().take_before(); })) return Renewal::kWaits;
  return Renewal::kMore;
}

}  // namespace kith
