// kith repair: makes a damaged directory serve again, or saves what can be read of it into another.
#include "query/repair.h"

#include "server/cli/commands.h"
#include "server/cli/interrupt.h"
#include "server/cli/json_writer.h"
#include "server/cli/table.h"

namespace kith {
namespace {

void write_texts(const char* key, const std::vector<std::string>& texts, JsonWriter& out) {
  out.key(key).begin_array();
  for (const std::string& text : texts) out.text(text);
  out.end_array();
}

Result<ExitCode> repair_in_place(const RepairOptions& options, Console& console) {
  OfflineOptions how;
  how.stop = interruptible(0);
  const RepairReport report = TRY(repair_directory(options.directory, how));
  const bool whole = report.problems.empty();
  if (console.json) {
    JsonWriter out;
    out.begin_object().field("directory", options.directory).field("whole", whole);
    out.field("collections", report.collections);
    write_texts("dropped", report.dropped, out);
    write_texts("problems", report.problems, out);
    out.end_object();
    console.print_line(out.str());
  } else {
    for (const std::string& dropped : report.dropped) console.print_line("dropped: checkpoint of " + dropped);
    for (const std::string& problem : report.problems) console.print_line("problem: " + problem);
    console.print_line(
        whole ? fmt::format("'{}' is whole: {} collections", options.directory, report.collections)
              : fmt::format("'{}' is damaged: {} collections serve. Restore a backup, or save what can "
                            "be read: kith repair {} --to NEW",
                            options.directory, report.collections, options.directory));
  }
  return whole ? ExitCode::kOk : ExitCode::kCorruption;
}

Result<ExitCode> salvage(const RepairOptions& options, Console& console) {
  OfflineOptions how;
  how.stop = interruptible(0);
  const SalvageReport report = TRY(salvage_directory(options.directory, options.to, how));
  bool all = report.remarks.empty();
  for (const SalvagedCollection& each : report.collections) all = all && each.lost == 0 && each.error.empty();
  if (console.json) {
    JsonWriter out;
    out.begin_object().field("salvaged", options.to).field("all", all);
    write_texts("remarks", report.remarks, out);
    out.key("collections").begin_array();
    for (const SalvagedCollection& each : report.collections) {
      out.begin_object().field("collection", each.name).field("points", each.points).field("lost", each.lost);
      write_texts("lost_ids", each.ids, out);
      out.field("error", each.error).end_object();
    }
    out.end_array().end_object();
    console.print_line(out.str());
  } else {
    for (const std::string& remark : report.remarks) console.print_line("remark: " + remark);
    for (const SalvagedCollection& each : report.collections) {
      for (const std::string& id : each.ids)
        console.print_line(fmt::format("lost: collection '{}', id {}", each.name, id));
      console.print_line(
          each.error.empty()
              ? fmt::format("collection '{}': {} points came through, {} did not", each.name,
                            human_count(each.points), human_count(each.lost))
              : fmt::format("collection '{}': nothing came through: {}", each.name, each.error));
    }
  }
  return all ? ExitCode::kOk : ExitCode::kCorruption;
}

}  // namespace

Result<ExitCode> run_repair(const RepairOptions& options, Console& console) {
  return options.to.empty() ? repair_in_place(options, console) : salvage(options, console);
}

}  // namespace kith
