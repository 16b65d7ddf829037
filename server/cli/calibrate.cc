// kith calibrate: measures what searches find and cost, which recall targets are kept by; kith tune: the
// same, shown as curves, and a target chosen from them.
#include "base/io/file_system.h"
#include "server/cli/commands.h"
#include "server/cli/json_writer.h"
#include "server/cli/table.h"
#include "server/cli/tune_curve.h"
#include "server/cli/watched.h"

namespace kith {
namespace {

constexpr double kProgressSteps = 1000;

/// How far the field is that is being measured.
std::optional<ProgressState> measured(Api& api, const std::string& collection, const Stop& stop) {
  v1::GetCollectionRequest request;
  request.set_collection(collection);
  const auto info = api.get_collection(request, stop);
  if (!info.ok()) return std::nullopt;
  for (const v1::FieldInfo& field : info->fields()) {
    if (!field.has_calibrating()) continue;
    ProgressState state;
    state.done = static_cast<uint64_t>(field.calibrating().done() * kProgressSteps);
    state.total = static_cast<uint64_t>(kProgressSteps);
    return state;
  }
  return std::nullopt;
}

Result<v1::CalibrateResponse> calibrate(const std::string& collection, const char* verb, Session& session,
                                        Console& console) {
  TRY(session.collection(collection));
  const std::unique_ptr<Api> watcher = TRY(session.another_api());
  v1::CalibrateRequest request;
  request.set_collection(collection);
  return watched(
      console, verb, [&] { return session.api().calibrate(request, session.stop()); },
      [&] { return measured(*watcher, collection, session.stop()); });
}

void write_points(const TuneCurves& curves, JsonWriter& out) {
  out.key("points").begin_array();
  for (const TunePoint& point : curves.points) {
    out.begin_object().field("k", point.k).field("effort", point.effort).field("recall", point.recall);
    out.field("recall_low", point.recall_low).field("latency_us", point.latency_us);
    out.field("distances", point.distances).field("queries", point.queries).end_object();
  }
  out.end_array();
}

void print_curves(const TuneCurves& curves, Console& console) {
  console.note(fmt::format(
      "field '{}': {} vectors, {:.0f} bytes of memory each; {} queries, recent ones first", curves.field,
      human_count(curves.rows), curves.bytes_per_vector, human_count(curves.queries)));
  TextTable table({"", ">k", ">effort", ">recall", ">at least", ">latency µs", ">distances"});
  for (size_t i = 0; i < curves.points.size(); ++i) {
    const TunePoint& point = curves.points[i];
    table.add({curves.chosen == i ? "*" : "", std::to_string(point.k), std::to_string(point.effort),
               fmt::format("{:.4f}", point.recall), fmt::format("{:.4f}", point.recall_low),
               fmt::format("{:.1f}", point.latency_us), human_count(static_cast<uint64_t>(point.distances))});
  }
  console.print(table.str());
}

/// Appears only when it is whole.
Result<void> write_whole(const std::string& path, std::string_view text) {
  const std::string partial = path + ".partial";
  FileSystem& files = posix_file_system();
  const std::unique_ptr<WritableFile> file = TRY(files.create(partial));
  TRY(file->append(std::as_bytes(std::span(text))));
  TRY(file->sync());
  TRY(file->close());
  return files.rename(partial, path);
}

/// The field that is meant, of those that were measured.
Result<const v1::FieldCalibration*> pick_field(const v1::CalibrateResponse& response,
                                               const TuneOptions& options) {
  std::string names;
  for (const v1::FieldCalibration& field : response.fields()) {
    if (field.field() == options.field || (options.field.empty() && response.fields_size() == 1))
      return &field;
    names += (names.empty() ? "" : ", ") + field.field();
  }
  if (names.empty())
    return failed_precondition(
        "collection '{}' has no field to tune: none has vectors and an index that is not exact",
        options.collection);
  return invalid_argument("--field: name one of {}", names);
}

/// The target that leads to what was chosen: what was asked for, or as much as is found in the time.
double target_of(const TuneOptions& options, const TuneCurves& curves) {
  if (options.recall.has_value()) return *options.recall;
  return std::max(0.001, std::floor(curves.points[*curves.chosen].recall * 1000) / 1000);
}

Result<double> apply(const TuneOptions& options, const TuneCurves& curves, Session& session) {
  v1::SetRecallTargetRequest request;
  request.set_collection(options.collection);
  request.set_recall_target(target_of(options, curves));
  TRY(session.api().set_recall_target(request, session.stop()));
  return request.recall_target();
}

void print_json(const TuneCurves& curves, std::optional<double> applied, Console& console) {
  JsonWriter out;
  out.begin_object().field("collection", curves.collection).field("field", curves.field);
  out.field("rows", curves.rows).field("queries", curves.queries);
  out.field("bytes_per_vector", curves.bytes_per_vector);
  write_points(curves, out);
  if (curves.chosen.has_value()) {
    const TunePoint& point = curves.points[*curves.chosen];
    out.key("chosen").begin_object().field("k", point.k).field("effort", point.effort);
    out.field("recall", point.recall).field("latency_us", point.latency_us).end_object();
  }
  if (applied.has_value()) out.field("recall_target", *applied);
  out.end_object();
  console.print_line(out.str());
}

}  // namespace

Result<ExitCode> run_calibrate(const CalibrateOptions& options, Console& console) {
  Session session = TRY(Session::open(options.target, false));
  const v1::CalibrateResponse response = TRY(calibrate(options.collection, "calibrate", session, console));
  if (console.json) {
    JsonWriter out;
    out.begin_object().field("collection", options.collection).key("fields").begin_array();
    for (const v1::FieldCalibration& field : response.fields()) {
      out.begin_object().field("field", field.field()).field("rows", field.rows());
      out.field("queries", field.queries()).field("points", field.points_size());
      out.field("seconds", field.seconds()).end_object();
    }
    out.end_array().end_object();
    console.print_line(out.str());
    return ExitCode::kOk;
  }
  for (const v1::FieldCalibration& field : response.fields())
    console.print_line(fmt::format(
        "collection '{}', field '{}': measured with {} queries in {:.2f} s; recall targets are kept",
        options.collection, field.field(), human_count(field.queries()), field.seconds()));
  if (response.fields_size() == 0)
    console.note(fmt::format(
        "collection '{}': nothing to measure: no field has vectors and an index that is not exact",
        options.collection));
  return ExitCode::kOk;
}

Result<ExitCode> run_tune(const TuneOptions& options, Console& console) {
  Session session = TRY(Session::open(options.target, false));
  const v1::CalibrateResponse response = TRY(calibrate(options.collection, "tune", session, console));
  const v1::FieldCalibration* field = TRY(pick_field(response, options));
  TuneCurves curves = tune_curves(options.collection, *field);
  Result<void> chosen;
  if (options.recall.has_value() || options.latency_us.has_value())
    chosen = choose({options.k, options.recall, options.latency_us}, curves);
  if (!options.svg.empty()) TRY(write_whole(options.svg, tune_svg(curves)));
  std::optional<double> applied;
  if (options.apply && chosen.ok()) applied = TRY(apply(options, curves, session));
  if (console.json) {
    if (chosen.ok()) print_json(curves, applied, console);
  } else {
    print_curves(curves, console);
    if (applied.has_value())
      console.note(fmt::format("searches of '{}' that say no target are to find {} from now on",
                               options.collection, *applied));
  }
  TRY(std::move(chosen));
  return ExitCode::kOk;
}

}  // namespace kith
