// Checkpoints, see local_collection.h: ids, expiries and indexes into files, so that an open need not build
// them.
//
// The mark is taken between two writes; then everything is written while writers go on, so what is in the
// files may be later than the mark, by different amounts. That is no harm: rows are never reused, a row is
// added once and removed once, and the open repeats all changes after the mark, those already contained among
// them. Two things make it sound: the truth is synced before the manifest is swapped, so that no file knows
// of a write that a power loss takes back; and the change log is kept from the mark on.
#include <algorithm>

#include "base/log.h"
#include "base/planted.h"
#include "query/collection/field_files.h"
#include "query/collection/local_collection.h"

namespace kith {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr size_t kWriteBytes = 1u << 20;

}  // namespace

Result<CheckpointReport> LocalCollection::checkpoint() {
  const std::lock_guard one(checkpoint_mutex_);
  return while_alive([&] { return write_checkpoint(); });
}

Result<CheckpointReport> LocalCollection::write_checkpoint() {
  const auto start = SteadyClock::now();
  TRY(engine_->disk.admit(checkpoint_bytes(), /*copies=*/1));  // a checkpoint can wait, removals cannot
  CheckpointMark mark;
  uint64_t unsaved = 0;
  queue_.run_exclusively([&] {
    mark = {sequence_, stamp_, next_row_, ids_.size()};
    unsaved = unsaved_bytes_;
  });
  const LinkState linked = link_state();  // before: what is linked meanwhile may not be in the files
  const std::unique_ptr<CheckpointWriter> writer = TRY(CheckpointWriter::begin(checkpoints_));
  TRY(write_ids(*writer, mark.next_row));
  TRY(columns_->write(*writer));
  std::vector<std::pair<FieldIndex*, std::shared_ptr<Index>>> written;
  for (size_t position = 0; position < fields_.size(); ++position) {
    FieldIndex& field = *fields_[position];
    const std::shared_ptr<Index> index = field.index();
    if (!field.usable()) continue;
    PrefixedOutput output(*writer, field_prefix(position), field.saved());
    TRY(index->checkpoint(output));
    TRY(check_alive());
    written.emplace_back(&field, index);
  }
  // The truth first: no file may know of a write that a loss of power takes back.
  if (!planted("checkpoint-before-truth")) TRY(engine_->store->sync());
  if (planted("mark-too-late")) mark = {sequence_, stamp_, mark.next_row, mark.points};
  TRY(writer->commit(mark));
  // An index that was put in another's place meanwhile has no files there yet.
  for (const auto& [field, index] : written)
    if (field->index() == index) field->set_saved();
  TRY(trim_log(mark.sequence));

  CheckpointReport report;
  report.sequence = mark.sequence;
  const std::optional<Manifest> manifest = checkpoints_.manifest();
  for (const ManifestFile& file : manifest->files) {
    report.bytes += file.bytes;
    if (file.generation == manifest->generation) report.written += file.bytes;
  }
  report.seconds = std::chrono::duration<double>(SteadyClock::now() - start).count();
  unsaved_bytes_.fetch_sub(unsaved);
  {
    std::lock_guard lock(saved_mutex_);
    saved_at_ = SteadyClock::now();
    saved_bytes_ = report.written;
    saved_state_ = linked;
  }
  if (const auto trimmed = engine_->store->trim(); !trimmed.ok())
    log_warn("the store's log stays as large as it is", {{"error", trimmed.error().message}});
  return report;
}

/// Extent by extent under the shared lock, which a writer waits for at most that long.
Result<void> LocalCollection::write_ids(CheckpointOutput& output, Row rows_end) const {
  const std::unique_ptr<WritableFile> file = TRY(output.create(kIdsFile));
  ByteWriter out;
  out.number(kIdsVersion);
  out.number(rows_end);
  const auto extents =
      static_cast<uint32_t>((uint64_t{rows_end} + IdMap::kExtentRows - 1) / IdMap::kExtentRows);
  for (uint32_t extent = 0; extent < extents; ++extent) {
    {
      std::shared_lock lock(state_mutex_);
      const uint64_t first = uint64_t{extent} * IdMap::kExtentRows;
      ids_.save(extent, rows_end, out);
      expiries_.save(static_cast<Row>(first),
                     static_cast<Row>(std::min<uint64_t>(first + IdMap::kExtentRows, rows_end)), out);
    }
    if (out.size() < kWriteBytes) continue;
    TRY(file->append(out.view()));
    out = ByteWriter();
  }
  TRY(file->append(out.view()));
  TRY(file->sync());
  return file->close();
}

Result<void> LocalCollection::trim_log(uint64_t sequence) {
  KvBatch batch;
  trim_changes(batch, number_, sequence);
  if (batch.count() == 0) return {};
  return engine_->store->write(batch, KvSurvives::kProcess);
}

/// At most: files are kept where nothing changed.
uint64_t LocalCollection::checkpoint_bytes() const {
  uint64_t bytes = memory_bytes();
  for (const std::unique_ptr<FieldIndex>& field : fields_) bytes += field->index()->memory().disk_bytes;
  return bytes;
}

LocalCollection::LinkState LocalCollection::link_state() const {
  LinkState state;
  for (const std::unique_ptr<FieldIndex>& field : fields_) {
    state.pending += field->index()->stats().pending;
    state.usable += field->usable();
  }
  return state;
}

LocalCollection::Unsaved LocalCollection::unsaved() const {
  Unsaved unsaved;
  unsaved.bytes = unsaved_bytes_;
  {
    std::shared_lock lock(state_mutex_);
    unsaved.points = ids_.size();
  }
  const LinkState state = link_state();
  std::lock_guard lock(saved_mutex_);
  unsaved.any = unsaved.bytes > 0 || saved_state_ != state;
  unsaved.saved_bytes = saved_bytes_;
  unsaved.since = saved_at_;
  return unsaved;
}

}  // namespace kith
