// kith backup: makes a backup, or lists those there are.
#include "query/backup.h"

#include <ctime>

#include "server/api/convert.h"
#include "server/cli/commands.h"
#include "server/cli/json_writer.h"
#include "server/cli/table.h"
#include "server/cli/watched.h"

namespace kith {
namespace {

/// 2026-11-21T18:25:32Z
std::string utc_text(int64_t time_ms) {
  const std::time_t seconds = time_ms / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32] = {};
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

void write_members(const v1::BackupInfo& backup, JsonWriter& out) {
  out.field("number", backup.number()).field("time_ms", backup.time_ms());
  out.field("time", utc_text(backup.time_ms())).field("files", backup.files());
  out.field("bytes", backup.bytes()).key("collections").begin_array();
  for (const v1::BackupContent& content : backup.collections()) {
    out.begin_object().field("collection", content.collection()).field("points", content.points());
    out.field("sequence", content.sequence()).field("quarantined", content.quarantined()).end_object();
  }
  out.end_array();
  if (!backup.damage().empty()) out.field("damage", backup.damage());
}

std::string content_text(const v1::BackupInfo& backup) {
  if (!backup.damage().empty()) return "damaged: " + backup.damage();
  std::string text;
  for (const v1::BackupContent& content : backup.collections()) {
    text += text.empty() ? "" : ", ";
    text += content.quarantined()
                ? fmt::format("{} (quarantined)", content.collection())
                : fmt::format("{} ({} points)", content.collection(), human_count(content.points()));
  }
  return text.empty() ? "no collections" : text;
}

Result<v1::ListBackupsResponse> list(const BackupOptions& options) {
  v1::ListBackupsResponse response;
  if (options.target.server.empty()) {  // a directory of backups needs nobody who serves it
    if (options.to.empty()) return invalid_argument("--to is required: which directory holds the backups?");
    for (const BackupInfo& backup : TRY(list_backups(options.to, {})))
      backup_to_proto(backup, response.add_backups());
    return response;
  }
  Session session = TRY(Session::open(options.target, false));
  v1::ListBackupsRequest request;
  request.set_to(options.to);
  return session.api().list_backups(request, session.stop());
}

Result<ExitCode> run_list(const BackupOptions& options, Console& console) {
  const v1::ListBackupsResponse listed = TRY(list(options));
  if (console.json) {
    JsonWriter out;
    out.begin_object().key("backups").begin_array();
    for (const v1::BackupInfo& backup : listed.backups()) {
      out.begin_object();
      write_members(backup, out);
      out.end_object();
    }
    out.end_array().end_object();
    console.print_line(out.str());
    return ExitCode::kOk;
  }
  if (listed.backups().empty()) {
    console.note("no backups there yet");
    return ExitCode::kOk;
  }
  TextTable table({">backup", "time", ">files", ">size", "holds"});
  for (const v1::BackupInfo& backup : listed.backups())
    table.add({std::to_string(backup.number()), backup.damage().empty() ? utc_text(backup.time_ms()) : "",
               human_count(backup.files()), human_bytes(backup.bytes()), content_text(backup)});
  console.print(table.str());
  return ExitCode::kOk;
}

}  // namespace

Result<ExitCode> run_backup(const BackupOptions& options, Console& console) {
  if (options.list) return run_list(options, console);
  if (options.to.empty() && !options.target.directory.empty())
    return invalid_argument("--to is required: which directory is the backup to be made in?");
  Session session = TRY(Session::open(options.target, false));
  const std::unique_ptr<Api> watcher = TRY(session.another_api());
  v1::BackupRequest request;
  request.set_to(options.to);
  const auto look = [&]() -> std::optional<ProgressState> {
    v1::ListBackupsRequest ask;
    ask.set_to(options.to);
    const auto listed = watcher->list_backups(ask, session.stop());
    if (!listed.ok() || !listed->has_running()) return std::nullopt;
    return bytes_state(listed->running().bytes_done(), listed->running().bytes_total());
  };
  const v1::BackupResponse report = TRY(watched(
      console, "backup", [&] { return session.api().backup(request, session.stop()); }, look));
  const v1::BackupInfo& backup = report.backup();
  if (console.json) {
    JsonWriter out;
    out.begin_object();
    write_members(backup, out);
    out.field("copied_bytes", report.copied_bytes()).field("seconds", report.seconds()).end_object();
    console.print_line(out.str());
  } else {
    console.print_line(fmt::format("backup {}: {} in {} files, {} of it copied, in {:.2f} s; holds {}",
                                   backup.number(), human_bytes(backup.bytes()), human_count(backup.files()),
                                   human_bytes(report.copied_bytes()), report.seconds(),
                                   content_text(backup)));
  }
  return ExitCode::kOk;
}

}  // namespace kith
