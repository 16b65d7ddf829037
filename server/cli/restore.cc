// kith restore: a directory from a backup.
#include "query/backup.h"
#include "server/cli/commands.h"
#include "server/cli/interrupt.h"
#include "server/cli/json_writer.h"
#include "server/cli/table.h"
#include "server/cli/watched.h"

namespace kith {

Result<ExitCode> run_restore(const RestoreOptions& options, Console& console) {
  ByteProgress progress;
  const OfflineOptions how{interruptible(0), &progress, nullptr};
  const BackupInfo backup = TRY(watched(
      console, "restore", [&] { return restore_backup(options.from, options.to, how); }, look_at(progress)));
  uint64_t points = 0;
  for (const BackupContent& content : backup.collections) points += content.points;
  if (console.json) {
    JsonWriter out;
    out.begin_object().field("restored", options.to).field("number", backup.number);
    out.field("time_ms", backup.time_ms).field("bytes", backup.bytes);
    out.field("collections", backup.collections.size()).field("points", points).end_object();
    console.print_line(out.str());
  } else {
    console.print_line(fmt::format("restored '{}' from backup {}: {} collections, {} points, {}", options.to,
                                   backup.number, backup.collections.size(), human_count(points),
                                   human_bytes(backup.bytes)));
    for (const BackupContent& content : backup.collections)
      if (content.quarantined)
        console.print_line(
            fmt::format("collection '{}' was damaged when it was backed up, and is", content.collection));
  }
  return ExitCode::kOk;
}

}  // namespace kith
