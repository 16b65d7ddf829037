// kith info: what collections there are, and what one holds and costs.
#include <algorithm>

#include "server/cli/commands.h"
#include "server/cli/json_writer.h"
#include "server/cli/table.h"
#include "server/cli/wire.h"

namespace kith {
namespace {

double bytes_per_vector(const v1::FieldInfo& field) {
  if (field.rows() == 0) return 0;
  return static_cast<double>(field.vector_bytes() + field.structure_bytes()) /
         static_cast<double>(field.rows());
}

/// Options in name order: a protobuf map has none.
std::vector<std::pair<std::string, std::string>> sorted_options(const v1::VectorField& field) {
  std::vector<std::pair<std::string, std::string>> options(field.options().begin(), field.options().end());
  std::sort(options.begin(), options.end());
  return options;
}

void write_recall(const v1::FieldInfo& info, JsonWriter& out) {
  if (info.has_calibrated()) {
    const v1::Calibrated& calibrated = info.calibrated();
    out.key("calibrated").begin_object().field("rows", calibrated.rows());
    out.field("sequence", calibrated.sequence()).field("queries", calibrated.queries()).end_object();
  }
  if (info.has_recall()) {
    const v1::RunningRecall& recall = info.recall();
    out.key("recall").begin_object().field("queries", recall.queries()).field("mean", recall.mean());
    out.field("low", recall.low()).field("high", recall.high()).field("target", recall.target()).end_object();
  }
  if (info.has_calibrating()) {
    out.key("calibrating").begin_object().field("done", info.calibrating().done());
    out.field("seconds", info.calibrating().seconds()).end_object();
  }
}

Result<void> write_field(const v1::FieldInfo& info, JsonWriter& out) {
  const v1::VectorField& field = info.field();
  out.begin_object().field("name", field.name()).field("dim", field.dim());
  out.field("metric", metric_name(TRY(metric_of(field)))).field("type", scalar_name(TRY(type_of(field))));
  out.field("index", field.index()).key("options").begin_object();
  for (const auto& [name, value] : sorted_options(field)) out.field(name, value);
  out.end_object()
      .field("rows", info.rows())
      .field("removed", info.removed())
      .field("pending", info.pending());
  out.field("vector_bytes", info.vector_bytes()).field("structure_bytes", info.structure_bytes());
  out.field("disk_bytes", info.disk_bytes());
  out.field("bytes_per_vector", bytes_per_vector(info)).field("exact_scan", info.exact_scan());
  if (info.has_rebuilding()) {
    const v1::Rebuild& rebuild = info.rebuilding();
    out.key("rebuilding").begin_object().field("rows_done", rebuild.rows_done());
    out.field("rows_total", rebuild.rows_total()).field("seconds", rebuild.seconds());
    out.field("seconds_left", rebuild.seconds_left()).end_object();
  }
  write_recall(info, out);
  out.end_object();
  return {};
}

Result<void> write_collection(const v1::GetCollectionResponse& info, JsonWriter& out) {
  out.begin_object().field("collection", info.collection()).field("points", info.points());
  out.field("expired", info.expired());
  out.field("memory_bytes", info.memory_bytes()).field("memory_bytes_max", info.memory_bytes_max());
  out.field("recall_target", info.recall_target());
  out.field("sequence", info.sequence()).key("fields").begin_array();
  for (const v1::FieldInfo& field : info.fields()) TRY(write_field(field, out));
  out.end_array().key("payload").begin_array();
  for (const v1::PayloadField& field : info.payload())
    out.begin_object()
        .field("path", path_text(field.path()))
        .field("type", payload_type_text(field))
        .field("required", field.required())
        .field("label", field.label())
        .end_object();
  out.end_array().end_object();
  return {};
}

Result<void> add_rows(const v1::GetCollectionResponse& info, TextTable& table) {
  for (const v1::FieldInfo& field : info.fields()) {
    std::string kind = field.field().index();
    for (const auto& [name, value] : sorted_options(field.field()))
      kind += fmt::format(" {}={}", name, value);
    table.add({info.collection(), human_count(info.points()), field.field().name(),
               fmt::format("{} x {}", field.field().dim(), scalar_name(TRY(type_of(field.field())))),
               std::string(metric_name(TRY(metric_of(field.field())))), kind, human_count(field.pending()),
               human_bytes(field.vector_bytes() + field.structure_bytes()),
               fmt::format("{:.0f}", bytes_per_vector(field))});
  }
  return {};
}

/// One line, where some are declared.
std::string payload_fields(const v1::GetCollectionResponse& info) {
  std::string line;
  for (const v1::PayloadField& field : info.payload())
    line += fmt::format("{} {} {}{}{}", line.empty() ? info.collection() + ": payload" : ",",
                        path_text(field.path()), payload_type_text(field),
                        field.required() ? " required" : "", field.label() ? " label" : "");
  return line.empty() ? line : line + '\n';
}

/// What people should know of fields whose index cannot be asked: one line each.
std::string exact_scans(const v1::GetCollectionResponse& info) {
  std::string lines;
  for (const v1::FieldInfo& field : info.fields()) {
    if (!field.exact_scan()) continue;
    lines += fmt::format("{}: field '{}' is answered by exact scan", info.collection(), field.field().name());
    const v1::Rebuild& rebuild = field.rebuilding();
    if (!field.has_rebuilding())
      lines += " until the directory is opened anew: its index could not follow (the log says why)";
    else
      lines += fmt::format("; its index is being rebuilt: {} of {} rows", human_count(rebuild.rows_done()),
                           human_count(rebuild.rows_total()));
    if (rebuild.seconds_left() > 0) lines += fmt::format(", about {:.0f} s left", rebuild.seconds_left());
    lines += '\n';
  }
  return lines;
}

/// What recent real queries found: one line a field of which that is known.
std::string recalls(const v1::GetCollectionResponse& info) {
  std::string lines;
  for (const v1::FieldInfo& field : info.fields()) {
    if (!field.has_recall()) continue;
    const v1::RunningRecall& recall = field.recall();
    lines += fmt::format(
        "{}: field '{}': {} recent queries found {:.4f} of the nearest ({:.4f} to {:.4f} with 95 % "
        "confidence); asked for were {:.4g}\n",
        info.collection(), field.field().name(), human_count(recall.queries()), recall.mean(), recall.low(),
        recall.high(), recall.target());
  }
  return lines;
}

}  // namespace

Result<ExitCode> run_info(const InfoOptions& options, Console& console) {
  Session session = TRY(Session::open(options.target, false));
  std::vector<v1::GetCollectionResponse> infos;
  if (options.collection.empty()) {
    const v1::ListCollectionsResponse listed = TRY(session.api().list_collections({}, session.stop()));
    for (const std::string& name : listed.collections()) infos.push_back(TRY(session.collection(name)));
  } else {
    infos.push_back(TRY(session.collection(options.collection)));
  }

  if (console.json) {
    JsonWriter out;
    if (options.collection.empty()) out.begin_object().key("collections").begin_array();
    for (const v1::GetCollectionResponse& info : infos) TRY(write_collection(info, out));
    if (options.collection.empty()) out.end_array().end_object();
    console.print_line(out.str());
    return ExitCode::kOk;
  }
  if (infos.empty()) {
    console.note("no collections yet; make one with `kith create` or `kith load --create`");
    return ExitCode::kOk;
  }
  TextTable table({"collection", ">points", "field", "vectors", "metric", "index", ">to index", ">memory",
                   ">bytes/vector"});
  for (const v1::GetCollectionResponse& info : infos) TRY(add_rows(info, table));
  console.print(table.str());
  for (const v1::GetCollectionResponse& info : infos)
    console.print(payload_fields(info) + exact_scans(info) + recalls(info));
  return ExitCode::kOk;
}

}  // namespace kith
