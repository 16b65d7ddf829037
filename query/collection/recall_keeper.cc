#include "query/collection/recall_keeper.h"

#include <sys/resource.h>

#include <algorithm>

#include "base/log.h"

namespace kith {
namespace {

constexpr int kNice = 10;
constexpr auto kRetry = std::chrono::seconds(30);
constexpr auto kPatience = std::chrono::seconds(30);  // with writes that never end
constexpr int kRest = 3;                              // times as long as an index was built
constexpr double kCreditMax = 1e9;

double nanoseconds(std::chrono::steady_clock::duration time) {
  return std::chrono::duration<double, std::nano>(time).count();
}

}  // namespace

RecallKeeper::RecallKeeper(const RecallPolicy& policy, Collections collections)
    : policy_(policy), collections_(std::move(collections)) {
  if (policy_.background) thread_ = std::thread([this] { run(); });
}

RecallKeeper::~RecallKeeper() {
  if (!thread_.joinable()) return;
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

Stop RecallKeeper::stop() const {
  Stop stop;
  stop.cancelled = [](const void* closing) { return static_cast<const std::atomic<bool>*>(closing)->load(); };
  stop.context = &closing_;
  return stop;
}

void RecallKeeper::run() {
  (void)setpriority(PRIO_PROCESS, 0, kNice);  // of this thread alone: Linux has it so
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, policy_.look, [this] { return closing_.load(); })) {
    lock.unlock();
    try {
      look();
    } catch (const std::bad_alloc&) {
      log_warn("no memory to look after recall with: again soon", {});
    }
    lock.lock();
  }
}

void RecallKeeper::look() {
  const auto collections = collections_();
  std::map<CollectionNumber, Watch> watches;  // of dropped ones none stay
  for (const std::shared_ptr<LocalCollection>& collection : collections) {
    Watch& watch = watches[collection->number()] = watches_[collection->number()];
    if (!closing_ && due(*collection, watch)) calibrate(*collection, watch);
    if (!closing_ && worn(*collection, watch)) renew(*collection, watch);
  }
  watches_.swap(watches);
  credit_ns_ = std::min(credit_ns_ + policy_.share_max * nanoseconds(policy_.look), kCreditMax);
  check(collections);
}

/// Once a load has ended; but writes that never do are not waited for for ever.
bool RecallKeeper::due(const LocalCollection& collection, Watch& watch) const {
  const auto now = Clock::now();
  const LocalCollection::RecallLook look = collection.look_at_recall();
  if (look.sequence != watch.sequence || watch.quiet_since == Clock::time_point()) watch.quiet_since = now;
  watch.sequence = look.sequence;
  if (!look.due || look.points < policy_.points_min || now < watch.not_before) {
    watch.due_since = Clock::time_point::max();
    return false;
  }
  watch.due_since = std::min(watch.due_since, now);
  return now - watch.quiet_since >= policy_.quiet || now - watch.due_since >= kPatience;
}

void RecallKeeper::calibrate(LocalCollection& collection, Watch& watch) {
  const auto start = Clock::now();
  const Result<bool> done = collection.calibrate_due(stop());
  if (done.ok() && !*done) return;  // somebody else has: that was no work of ours
  const auto end = Clock::now();
  const double worked = std::chrono::duration<double>(end - start).count() * policy_.duty;
  const auto rest = std::chrono::duration<double>(worked / std::max(policy_.share_max, 1e-4));
  watch.not_before = start + std::chrono::duration_cast<Clock::duration>(rest);
  if (done.ok() || done.error().code == Code::kNotFound || done.error().code == Code::kCancelled) return;
  watch.not_before = std::max<Clock::time_point>(watch.not_before, end + kRetry);
  log_warn("a field's recall cannot be measured: again later",
           {{"collection", collection.name()}, {"error", done.error().message}});
}

/// As `due`, after which it is called: rows that come meanwhile might take the room.
bool RecallKeeper::worn(const LocalCollection& collection, Watch& watch) const {
  const auto now = Clock::now();
  if (collection.look_at_recall().worn < policy_.points_min || now < watch.not_renewed_before) {
    watch.worn_since = Clock::time_point::max();
    return false;
  }
  watch.worn_since = std::min(watch.worn_since, now);
  return now - watch.quiet_since >= policy_.quiet || now - watch.worn_since >= kPatience;
}

void RecallKeeper::renew(LocalCollection& collection, Watch& watch) {
  const auto start = Clock::now();
  const Result<void> done = collection.renew_worn(stop());
  const auto end = Clock::now();
  watch.worn_since = Clock::time_point::max();
  watch.not_renewed_before = end + (end - start) * kRest;
  if (done.ok() || done.error().code == Code::kNotFound || done.error().code == Code::kCancelled) return;
  watch.not_renewed_before = std::max<Clock::time_point>(watch.not_renewed_before, end + kRetry);
  log_warn("an index cannot be built anew without rows that are gone: again later",
           {{"collection", collection.name()}, {"error", done.error().message}});
}

/// Round by round, a query of each collection, until the time for it is spent.
void RecallKeeper::check(const std::vector<std::shared_ptr<LocalCollection>>& collections) {
  bool any = true;
  while (any) {
    any = false;
    for (const std::shared_ptr<LocalCollection>& collection : collections) {
      if (credit_ns_ <= 0 || closing_) return;
      if (collection->look_at_recall().points < policy_.points_min) continue;
      const auto start = Clock::now();
      const Result<bool> checked = collection->check_recall(stop());
      credit_ns_ -= nanoseconds(Clock::now() - start);
      if (checked.ok()) {
        any = any || *checked;
      } else if (checked.error().code != Code::kNotFound && checked.error().code != Code::kCancelled) {
        log_debug("a query could not be answered again",
                  {{"collection", collection->name()}, {"error", checked.error().message}});
      }
    }
  }
}

}  // namespace kith
