// kith export: every point in id order, to JSONL (which `kith load` reads back to the same points) or to
// fvecs (vectors of one field only). The file appears under its name only when it is whole: written beside
// it, synced, renamed.
#include <cstring>
#include <filesystem>

#include "base/io/file_system.h"
#include "server/cli/commands.h"
#include "server/cli/interrupt.h"
#include "server/cli/point_json.h"
#include "server/cli/progress.h"
#include "server/cli/table.h"
#include "server/cli/wire.h"

namespace kith {
namespace {

// A page of answers must stay far below limits::kAnswerBytes.
constexpr uint64_t kPageBytes = 4u << 20;
constexpr uint64_t kPageRowsMax = 1000;

enum class ExportFormat { kJsonl, kFvecs };

Result<ExportFormat> format_of(const std::string& path) {
  if (path.ends_with(".jsonl")) return ExportFormat::kJsonl;
  if (path.ends_with(".fvecs")) return ExportFormat::kFvecs;
  return invalid_argument("'{}': the file's name must end in .jsonl (everything) or .fvecs (vectors only)",
                          path);
}

/// Appends a page of points to the file; counts what it skips.
class PointFile {
 public:
  PointFile(ExportFormat format, v1::GetCollectionResponse info, v1::VectorField field)
      : format_(format), info_(std::move(info)), field_(std::move(field)) {}

  Result<void> append(const v1::ScrollResponse& page, WritableFile& file) {
    text_.clear();
    for (const v1::Point& point : page.points()) {
      if (format_ == ExportFormat::kJsonl) {
        text_ += TRY(point_json(point, info_)) + "\n";
      } else {
        TRY(append_fvecs(point));
      }
    }
    bytes_ += text_.size();
    return file.append(std::as_bytes(std::span(text_)));
  }

  uint64_t skipped() const { return skipped_; }
  uint64_t bytes() const { return bytes_; }

 private:
  Result<void> append_fvecs(const v1::Point& point) {
    for (const v1::Vector& vector : point.vectors()) {
      if (vector.field() != field_.name()) continue;
      const std::vector<float> values = TRY(floats_of(vector, field_));
      const uint32_t dim = field_.dim();
      text_.append(reinterpret_cast<const char*>(&dim), sizeof dim);
      text_.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
      return {};
    }
    ++skipped_;
    return {};
  }

  const ExportFormat format_;
  const v1::GetCollectionResponse info_;
  const v1::VectorField field_;
  std::string text_;
  uint64_t skipped_ = 0;
  uint64_t bytes_ = 0;
};

uint32_t page_rows(const v1::GetCollectionResponse& info) {
  uint64_t row_bytes = 256;
  for (const v1::FieldInfo& field : info.fields()) row_bytes += uint64_t{field.field().dim()} * sizeof(float);
  return static_cast<uint32_t>(std::clamp<uint64_t>(kPageBytes / row_bytes, 1, kPageRowsMax));
}

Result<uint64_t> write_points(const ExportOptions& options, const v1::GetCollectionResponse& info,
                              Session& session, PointFile& points, WritableFile& file, Console& console) {
  Progress progress(console, "export");
  ProgressState state;
  if (!options.filter) state.total = info.points();
  v1::ScrollRequest request;
  request.set_collection(options.collection);
  request.set_limit(page_rows(info));
  request.mutable_fetch()->set_payload(true);
  request.mutable_fetch()->set_vectors(true);
  request.set_after_sequence(options.after);
  if (options.filter) request.mutable_filter()->set_text(*options.filter);
  for (;;) {
    if (interrupted()) return cancelled("stopped; '{}' was not written", options.file);
    const v1::ScrollResponse page = TRY(session.api().scroll(request, session.stop()));
    TRY(points.append(page, file));
    state.done += static_cast<uint64_t>(page.points_size());
    state.bytes = points.bytes();
    // Points written meanwhile may make it more.
    if (!options.filter) state.total = std::max(state.done, info.points());
    progress.update(state);
    if (!page.has_next()) break;
    *request.mutable_from() = page.next();
  }
  state.total = state.done;
  progress.finish(state);
  return state.done;
}

Result<uint64_t> write_file(const ExportOptions& options, const v1::GetCollectionResponse& info,
                            Session& session, PointFile& points, const std::string& partial,
                            Console& console) {
  std::unique_ptr<WritableFile> file = TRY(posix_file_system().create(partial));
  const uint64_t rows = TRY(write_points(options, info, session, points, *file, console));
  TRY(file->sync());
  TRY(file->close());
  return rows;
}

Result<void> put_in_place(const std::string& partial, const std::string& path) {
  TRY(posix_file_system().rename(partial, path));
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return posix_file_system().sync_directory(parent.empty() ? "." : parent);
}

void report(const ExportOptions& options, uint64_t rows, const PointFile& points, Console& console) {
  if (console.json) {
    JsonWriter out;
    out.begin_object().field("file", options.file).field("points", rows).field("skipped", points.skipped());
    out.field("bytes", points.bytes()).end_object();
    console.print_line(out.str());
    return;
  }
  console.note(fmt::format("wrote {} points, {} to '{}'", human_count(rows - points.skipped()),
                           human_bytes(points.bytes()), options.file));
  if (points.skipped() > 0)
    console.note(fmt::format("{} points have no vector in that field", points.skipped()));
}

}  // namespace

Result<ExitCode> run_export(const ExportOptions& options, Console& console) {
  const ExportFormat format = TRY(format_of(options.file));
  if (!options.force && TRY(posix_file_system().exists(options.file)))
    return already_exists("'{}' exists already; choose another name or overwrite it with --force",
                          options.file);
  Session session = TRY(Session::open(options.target, false));
  const v1::GetCollectionResponse info = TRY(session.collection(options.collection));
  v1::VectorField field;
  if (format == ExportFormat::kFvecs) field = TRY(pick_field(info, options.field)).field();

  PointFile points(format, info, field);
  const std::string partial = options.file + ".partial";
  auto rows = write_file(options, info, session, points, partial, console);
  if (rows.ok()) {
    auto placed = put_in_place(partial, options.file);
    if (!placed.ok()) rows = std::move(placed).error();
  }
  if (!rows.ok()) {
    (void)posix_file_system().remove(partial);  // the first error is the one to tell
    return std::move(rows).error();
  }
  report(options, *rows, points, console);
  return ExitCode::kOk;
}

}  // namespace kith
