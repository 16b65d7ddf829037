// Building a field's index anew from the stored vectors while writers and searches go on.
//
// Rows are never reused and a snapshot of the store has exactly the vectors of live rows, so the new index
// takes one snapshot after another, each from the row on where the one before ended. When little is left it
// takes the rest in the leader's role, where nothing moves, drops the rows that died since they were added,
// and takes the old one's place.
#include <algorithm>
#include <cstring>
#include <system_error>
#include <utility>

#include "base/log.h"
#include "base/planted.h"
#include "query/collection/local_collection.h"

namespace kith {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr uint64_t kRestMax = 2'000;  // rows that writers may have to wait for
constexpr size_t kStepBytes = 1u << 20;
constexpr size_t kLockedRows = 65'536;  // looked at before writers have their turn
constexpr auto kPoll = std::chrono::milliseconds(5);
constexpr auto kLogEvery = std::chrono::seconds(5);

double seconds_since(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

/// Whether there is room for the field's live rows once more: rather than upserts that are refused while
/// another index grows.
Result<void> check_room(const FieldIndex& field, MemoryBudget& memory, DiskReserve& disk) {
  const std::shared_ptr<Index> index = field.index();
  const IndexStats stats = index->stats();
  const IndexMemory held = index->memory();
  const uint64_t rows = std::max<uint64_t>(stats.rows + stats.removed, 1);
  TRY(memory.reserve(held.total() / rows * stats.rows, "an index without rows that are gone"));
  return disk.admit(held.disk_bytes / rows * stats.rows, /*copies=*/1);
}

/// Shows that a field's index is being built, as long as it lives.
class ShownRebuild {
 public:
  ShownRebuild(FieldIndex& field, uint64_t points) : field_(field) {
    field_.set_rebuilding(RebuildProgress{0, points, 0});
  }
  ~ShownRebuild() { field_.set_rebuilding(std::nullopt); }
  ShownRebuild(const ShownRebuild&) = delete;
  ShownRebuild& operator=(const ShownRebuild&) = delete;

 private:
  FieldIndex& field_;
};

/// When a replacement ends early: its caller says so, or the collection is dropped.
struct Ending {
  const Stop& caller;
  const std::atomic<bool>& dropped;

  Stop stop() const {
    Stop stop = caller;
    stop.cancelled = [](const void* context) {
      const auto& [asked, gone] = *static_cast<const Ending*>(context);
      return gone.load() || (asked.cancelled != nullptr && asked.cancelled(asked.context));
    };
    stop.context = this;
    return stop;
  }
};

}  // namespace

Result<Row> LocalCollection::add_stored(const KvSnapshot& view, uint8_t position, Row first, Index& index,
                                        const IdMap* ids,
                                        const std::function<bool(std::span<const Row>)>& added) const {
  const VectorField& field = schema_.vectors[position];
  const size_t width = vector_bytes(field.type, field.dim);
  const size_t chunk = std::max<size_t>(1, kStepBytes / width);
  std::vector<Row> rows;
  std::vector<LabelSet> labels;
  std::vector<std::byte> data(chunk * width);
  const auto add = [&]() -> Result<void> {
    if (fields_[position]->labeled()) labels = TRY(stored_labels(view, rows));
    return fields_[position]->add_to(index, rows, {data.data(), field.type, field.dim, rows.size()}, labels);
  };
  Row next = first;
  const KeyRange range = vector_range(number_, position, first, kNoRow);
  auto entry = view.iterate(KvTable::kVectors, range.begin, range.end);
  for (; entry->valid(); entry->next()) {
    const Row row = TRY(row_of_vector_key(entry->key()));
    if (entry->value().size() != width)
      return corruption("vector '{}' of row {} has {} bytes, not {}", field.name, row, entry->value().size(),
                        width);
    if (ids != nullptr && !ids->live(row))
      return corruption("vector '{}' of row {}: no id has this row", field.name, row);
    std::memcpy(data.data() + rows.size() * width, entry->value().data(), width);
    rows.push_back(row);
    next = row + 1;
    if (rows.size() < chunk) continue;
    TRY(add());
    if (!added(rows)) return next;
    rows.clear();
  }
  TRY(entry->status());
  if (!rows.empty()) TRY(add());
  (void)added(rows);
  return next;
}

void LocalCollection::start_rebuild(uint8_t position) {
  fields_[position]->set_unusable();
  fields_[position]->set_rebuilding(RebuildProgress{0, ids_.size(), 0});
  try {
    rebuilds_.emplace_back([this, position](const std::stop_token& stop) { rebuild(position, stop); });
  } catch (const std::system_error& error) {
    fields_[position]->set_rebuilding(std::nullopt);
    log_error("no thread to rebuild an index with: its field is answered by exact scan",
              {{"collection", name_},
               {"field", schema_.vectors[position].name},
               {"error", std::string_view(error.what())}});
  }
}

void LocalCollection::rebuild(uint8_t position, const std::stop_token& token) {
  const auto start = SteadyClock::now();
  Stop stop;
  stop.cancelled = [](const void* it) { return static_cast<const std::stop_token*>(it)->stop_requested(); };
  stop.context = &token;
  const Result<void> rebuilt = while_alive([&] { return rebuild_index(position, stop); });
  fields_[position]->set_rebuilding(std::nullopt);
  if (token.stop_requested()) return;
  const LogFields fields = {{"collection", name_},
                            {"field", schema_.vectors[position].name},
                            {"seconds", seconds_since(start)},
                            {"error", rebuilt.ok() ? "none" : rebuilt.error().message}};
  if (rebuilt.ok()) return log_info("index rebuilt: its field is answered by it again", fields);
  log_error("index cannot be rebuilt: its field is answered by exact scan until the directory is opened anew",
            fields);
}

Result<void> LocalCollection::wait_for_rebuild(const FieldIndex& field, const Stop& stop) const {
  while (field.rebuilding().has_value()) {
    TRY(stop.check());
    TRY(check_alive());
    std::this_thread::sleep_for(kPoll);
  }
  return {};
}

Result<void> LocalCollection::replace_index(uint8_t position, const Stop& caller) {
  FieldIndex& field = *fields_[position];
  const Ending ending{caller, dropped_};
  const Stop stop = ending.stop();
  std::unique_lock one(replace_mutex_, std::defer_lock);
  while (!one.try_lock()) {
    TRY(stop.check());
    std::this_thread::sleep_for(kPoll);
  }
  TRY(wait_for_rebuild(field, stop));
  const std::weak_ptr<Index> before = field.index();
  uint64_t points = 0;
  {
    std::shared_lock lock(state_mutex_);
    points = ids_.size();
  }
  {
    const ShownRebuild shown(field, points);
    TRY(rebuild_index(position, stop));
  }
  while (!before.expired()) {  // searches that began with it
    TRY(stop.check());
    std::this_thread::sleep_for(kPoll);
  }
  return {};
}

Result<void> LocalCollection::renew_worn(const Stop& stop) {
  const auto start = SteadyClock::now();
  return while_alive([&]() -> Result<void> {
    Result<void> outcome;
    bool any = false;
    for (size_t position = 0; position < fields_.size(); ++position) {
      const uint64_t gone = fields_[position]->worn();
      if (gone == 0) continue;
      Result<void> renewed = check_room(*fields_[position], memory_, engine_->disk);
      if (renewed.ok()) renewed = replace_index(static_cast<uint8_t>(position), stop);
      any = any || renewed.ok();
      if (!renewed.ok())
        outcome = renewed;
      else
        log_info("index built anew without rows that are gone", {{"collection", name_},
                                                                 {"field", schema_.vectors[position].name},
                                                                 {"gone", gone},
                                                                 {"seconds", seconds_since(start)}});
    }
    if (any) TRY(checkpoint());
    return outcome;
  });
}

Result<void> LocalCollection::rebuild_index(uint8_t position, const Stop& stop) {
  FieldIndex& field = *fields_[position];
  std::unique_ptr<Index> index = TRY(field.make_empty());
  MemoryReservation building = memory_.none();  // upserts are refused rather than the process killed
  const auto start = SteadyClock::now();
  auto logged = start;
  std::vector<Row> rows;  // that it has
  const auto progress = [&](std::span<const Row> some) {
    rows.insert(rows.end(), some.begin(), some.end());
    const uint64_t total =
        std::max<uint64_t>(index->stats().rows, field.rebuilding().value_or(RebuildProgress{}).rows_total);
    building.record(index->memory().total());
    const RebuildProgress now{index->stats().rows, total, seconds_since(start)};
    field.set_rebuilding(now);
    if (SteadyClock::now() - logged > kLogEvery) {
      logged = SteadyClock::now();
      log_info("index is being rebuilt", {{"collection", name_},
                                          {"field", schema_.vectors[position].name},
                                          {"rows", now.rows_done},
                                          {"of", now.rows_total},
                                          {"seconds_left", now.seconds_left()}});
    }
    return stop.check().ok();
  };
  // Not all at once while writers wait: graphs may repair lists around each. How many there were.
  const auto remove_dead = [&]() -> Result<size_t> {
    std::vector<Row> live, dead;
    for (size_t first = 0; first < rows.size(); first += kLockedRows) {
      std::shared_lock lock(state_mutex_);
      for (const Row row : std::span(rows).subspan(first, std::min(kLockedRows, rows.size() - first))) {
        const bool stays = row >= next_row_ || ids_.live(row) || planted("rebuild-keeps-the-dead");
        (stays ? live : dead).push_back(row);  // a row is stored before it lives
      }
    }
    for (const Row row : dead) TRY(index->remove(row));
    rows = std::move(live);
    return dead.size();
  };
  Row next = 0;
  // One that serves is not to be replaced by one that has everything still before it.
  bool settles = field.usable() && field.kind().settle != nullptr;
  while (true) {
    const View view = engine_->store->snapshot();
    const uint64_t before = index->stats().rows;
    next = TRY(add_stored(*view, position, next, *index, nullptr, progress));
    TRY(stop.check());
    const uint64_t came = index->stats().rows - before;
    const size_t went = TRY(remove_dead());
    if (std::max<uint64_t>(came, went) > kRestMax) continue;
    if (!std::exchange(settles, false)) break;
    TRY(field.kind().settle(*index, stop));  // takes a while, in which rows come
  }
  return swap_index(position, next, std::move(index), rows, stop);
}

Result<void> LocalCollection::swap_index(uint8_t position, Row next, std::unique_ptr<Index> index,
                                         std::span<const Row> has, const Stop& stop) {
  Result<void> done;
  std::shared_ptr<Index> before;  // goes when writers need not wait for it
  queue_.run_exclusively([&] {
    done = stop.check();
    if (done.ok()) done = check_alive();
    if (!done.ok()) return;
    const View view = engine_->store->snapshot();
    if (planted("rebuild-without-catch-up")) next = kNoRow;
    // These live: the view is of now.
    if (auto added = add_stored(*view, position, next, *index, nullptr,
                                [&](std::span<const Row>) { return stop.check().ok(); });
        !added.ok()) {
      done = added.error();
      return;
    }
    done = stop.check();
    for (size_t i = 0; i < has.size() && done.ok(); ++i)
      if (!ids_.live(has[i]) && !planted("rebuild-keeps-the-dead")) done = index->remove(has[i]);
    if (done.ok()) before = fields_[position]->replace(std::move(index), /*saved=*/false);
  });
  return done;
}

}  // namespace kith
