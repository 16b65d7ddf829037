// kith load: files of vectors into a collection, several batches in flight, resumable without any state of
// its own.
#include <algorithm>

#include "base/clock.h"
#include "query/schema/limits.h"
#include "server/cli/batch_sender.h"
#include "server/cli/commands.h"
#include "server/cli/create.h"
#include "server/cli/durability.h"
#include "server/cli/id_text.h"
#include "server/cli/interrupt.h"
#include "server/cli/json_writer.h"
#include "server/cli/line_points.h"
#include "server/cli/progress.h"
#include "server/cli/resume.h"
#include "server/cli/row_points.h"
#include "server/cli/settle.h"
#include "server/cli/table.h"
#include "server/cli/wire.h"

namespace kith {
namespace {

/// Everything a running load holds.
struct Load {
  const LoadOptions& options;
  Console& console;
  Session session;
  std::unique_ptr<PointSource> source;
  uint64_t first_row = 0;      // > 0 where a load goes on
  uint64_t expires_at_ms = 0;  // of points that do not say; 0: never
};

struct Outcome {
  uint64_t rows = 0;  // stored by this run
  uint64_t bytes = 0;
  uint64_t sequence = 0;  // of the last batch
  double seconds = 0;
};

Result<RowSource> open_rows(const LoadOptions& options) {
  ReaderOptions reading;
  reading.hdf5_dataset = options.hdf5_dataset;
  reading.id_field = options.id_field;
  reading.vector_field = options.vector_field;
  return RowSource::open(options.files, reading, options.limit.value_or(UINT64_MAX));
}

/// Files of which only the collection can tell whether they hold vectors of one field or whole points.
bool may_hold_whole_points(const LoadOptions& options) {
  if (options.create || !options.attributes.empty() || !options.field.empty()) return false;
  return std::all_of(options.files.begin(), options.files.end(),
                     [](const std::string& file) { return file.find(".jsonl") != std::string::npos; });
}

Result<v1::GetCollectionResponse> find_or_create(const LoadOptions& options, std::optional<uint32_t> dim,
                                                 Session& session) {
  auto info = session.collection(options.collection);
  if (info.ok() || info.error().code != Code::kNotFound) return info;
  if (!options.create || !dim)
    return not_found("{}; or add --create to make it with the file's dimensions", info.error().message);
  v1::CreateCollectionRequest request =
      TRY(make_schema(options.collection, options.field, *dim, options.words));
  TRY(add_payload_fields(options.payload, request));
  TRY(session.api().create_collection(request, session.stop()));
  return session.collection(options.collection);
}

Result<std::optional<AttributeFile>> open_attributes(const LoadOptions& options, const RowSource& rows) {
  if (options.attributes.empty()) return std::optional<AttributeFile>();
  if (rows.info().has_payloads)
    return invalid_argument("--attributes: '{}' carries payloads of its own", options.files[0]);
  return std::optional(TRY(AttributeFile::open(options.attributes)));
}

Result<std::unique_ptr<PointSource>> open_points(const LoadOptions& options,
                                                 const v1::GetCollectionResponse& info) {
  if (may_hold_whole_points(options) && (options.points || info.fields_size() > 1)) {
    std::unique_ptr<PointSource> lines =
        TRY(LinePoints::open(options.files, info, options.limit.value_or(UINT64_MAX)));
    return lines;
  }
  if (options.points)
    return invalid_argument(
        "--points reads .jsonl files into a collection that exists, without --field, --attributes");
  RowSource rows = TRY(open_rows(options));
  const v1::VectorField field = TRY(pick_field(info, options.field)).field();
  if (field.dim() != rows.info().dim)
    return invalid_argument("file '{}' has {} dimensions, but field '{}' of collection '{}' has {}",
                            options.files[0], rows.info().dim, field.name(), options.collection, field.dim());
  std::optional<AttributeFile> attributes = TRY(open_attributes(options, rows));
  PointBuilder builder = TRY(PointBuilder::open(field, options.id_start));
  return std::unique_ptr<PointSource>(std::make_unique<RowPoints>(
      std::move(rows), std::move(builder), std::move(attributes), !options.limit.has_value()));
}

/// The row to begin with: 0, or the first one that is missing.
Result<uint64_t> resume_row(const LoadOptions& options, const v1::GetCollectionResponse& info,
                            Session& session, const PointSource& source) {
  if (!options.resume) return uint64_t{0};
  if (source.numbered()) {
    const uint64_t end = std::min(source.rows().value_or(UINT64_MAX), UINT64_MAX - options.id_start);
    return first_missing(end, [&](uint64_t row) -> Result<bool> {
      const std::vector<v1::Id> ids = {id_of_number(options.id_start + row)};
      const std::vector<bool> stored = TRY(stored_ids(session, options.collection, ids));
      return bool{stored[0]};
    });
  }
  // Ids of the file's own: read along, on a second reader, until one is missing or repeats.
  const std::unique_ptr<PointSource> scout = TRY(open_points(options, info));
  SeenIds seen;
  for (uint64_t row = 0;;) {
    const std::vector<v1::Point> points = TRY(scout->next());
    if (points.empty()) return row;
    std::vector<v1::Id> ids;
    for (const v1::Point& point : points) ids.push_back(point.id());
    const std::vector<bool> stored = TRY(stored_ids(session, options.collection, ids));
    for (size_t i = 0; i < ids.size(); ++i, ++row) {
      if (!stored[i] || !seen.add(ids[i])) return row;
    }
  }
}

Result<Load> prepare(const LoadOptions& options, Console& console) {
  if (options.limit == uint64_t{0}) return invalid_argument("--limit: 0 rows are nothing to load");
  // Where it can be told without the collection, bad files are found before a directory or collection is
  // made.
  std::optional<uint32_t> dim;
  if (!may_hold_whole_points(options)) {
    const RowSource rows = TRY(open_rows(options));
    TRY(open_attributes(options, rows));
    dim = rows.info().dim;
  }
  Session session = TRY(Session::open(options.target, options.create));
  const v1::GetCollectionResponse info = TRY(find_or_create(options, dim, session));
  std::unique_ptr<PointSource> source = TRY(open_points(options, info));
  const uint64_t first_row = TRY(resume_row(options, info, session, *source));
  if (first_row > 0) TRY(source->start_at(first_row));
  uint64_t expires_at_ms = 0;
  if (options.ttl_s) expires_at_ms = static_cast<uint64_t>(Clock::system().wall_ms()) + *options.ttl_s * 1000;
  return Load{options, console, std::move(session), std::move(source), first_row, expires_at_ms};
}

/// Redraws the bar; asks for the pending rows now and then.
class LoadProgress {
 public:
  explicit LoadProgress(Load& load) : load_(load), progress_(load.console, "load") {
    if (load.source->rows())
      state_.total = *load.source->rows() - std::min(*load.source->rows(), load.first_row);
  }

  void update(BatchSender& sender) {
    state_.done = sender.acknowledged_row() - load_.first_row;
    state_.bytes = sender.sent_bytes();
    if (!state_.total && load_.source->file_bytes() > 0)
      state_.fraction =
          static_cast<double>(load_.source->bytes_read()) / static_cast<double>(load_.source->file_bytes());
    const auto now = std::chrono::steady_clock::now();
    if (load_.console.progress_wanted() && now >= next_question_) {
      auto pending = pending_rows(load_.session, load_.options.collection);
      if (pending.ok()) state_.pending = *pending;
      next_question_ = now + std::chrono::seconds(1);
    }
    progress_.update(state_);
  }

  double finish(BatchSender& sender) {
    update(sender);
    progress_.finish(state_);
    return progress_.seconds();
  }

 private:
  Load& load_;
  Progress progress_;
  ProgressState state_;
  std::chrono::steady_clock::time_point next_question_ =
      std::chrono::steady_clock::now() + std::chrono::seconds(1);
};

/// The deadline alone: on Ctrl-C the batches under way are still answered, so that what is stored is known. A
/// server that hangs answers none, so --timeout ends them.
Stop deadline_of(const Session& session) {
  Stop stop;
  stop.deadline = session.stop().deadline;
  return stop;
}

Result<void> send_all(Load& load, BatchSender& sender, LoadProgress& progress) {
  const Stop deadline = deadline_of(load.session);
  while (!interrupted()) {
    TRY(deadline.check());
    std::vector<v1::Point> points = TRY(load.source->next());
    if (points.empty()) return {};
    for (size_t i = 0; i < points.size(); ++i) {
      if (points[i].expires_at_ms() == 0) points[i].set_expires_at_ms(load.expires_at_ms);
      TRY(sender.add(std::move(points[i]), load.source->place(i)));
    }
    progress.update(sender);
  }
  return {};
}

/// What to tell after an error, --timeout or Ctrl-C: how far the load came.
std::string how_far(const Load& load, uint64_t row) {
  return fmt::format("{} rows of this load are stored; add --resume to the same command to go on there",
                     human_count(row)) +
         (load.options.target.directory.empty() ? "" : " (the index is rebuilt from them)");
}

Error ended_early(const Load& load, const Error& reason, uint64_t row) {
  const double timeout_s = load.options.target.timeout_s;
  const bool late = reason.code == Code::kDeadlineExceeded && timeout_s > 0;
  return make_error(reason.code, "{}; {}",
                    late ? fmt::format("--timeout: {} s have passed", timeout_s) : reason.message,
                    how_far(load, row));
}

Result<Outcome> transfer(Load& load) {
  const LoadOptions& options = load.options;
  BatchLimits batch_limits;
  if (options.batch_rows > 0) batch_limits.rows = options.batch_rows;
  const v1::Durability durability = TRY(parse_durability(options.durability));
  BatchSender sender = TRY(BatchSender::open(load.session.api(), options.collection, durability, batch_limits,
                                             load.first_row, deadline_of(load.session)));
  LoadProgress progress(load);
  auto sent = send_all(load, sender, progress);
  // Whatever stopped it, the batches under way are answered first: then it is known what is stored.
  auto finished = sender.finish();
  const double seconds = progress.finish(sender);
  const uint64_t end_row = sender.acknowledged_row();
  if (!sent.ok()) return ended_early(load, sent.error(), end_row);
  if (!finished.ok()) return ended_early(load, finished.error(), end_row);
  if (interrupted()) return cancelled("stopped; {}", how_far(load, end_row));
  return Outcome{end_row - load.first_row, sender.sent_bytes(), sender.sequence(), seconds};
}

void report(const Load& load, const Outcome& outcome, Console& console) {
  const double rate = outcome.seconds > 0 ? static_cast<double>(outcome.rows) / outcome.seconds : 0;
  if (console.json) {
    JsonWriter out;
    out.begin_object().field("collection", load.options.collection).field("rows", outcome.rows);
    out.field("skipped", load.first_row).field("bytes", outcome.bytes).field("seconds", outcome.seconds);
    out.field("rows_per_second", rate).field("sequence", outcome.sequence).end_object();
    console.print_line(out.str());
    return;
  }
  std::string text =
      fmt::format("loaded {} rows into '{}' in {:.1f} s ({} rows/s)", human_count(outcome.rows),
                  load.options.collection, outcome.seconds, human_count(static_cast<uint64_t>(rate)));
  if (load.first_row > 0) text += fmt::format("; {} were there before", human_count(load.first_row));
  console.note(text);
}

}  // namespace

Result<ExitCode> run_load(const LoadOptions& options, Console& console) {
  TRY(parse_durability(options.durability));
  Load load = TRY(prepare(options, console));
  const Outcome outcome = TRY(transfer(load));
  if (options.settle) TRY(settle(load.session, options.collection, console));
  report(load, outcome, console);
  return ExitCode::kOk;
}

}  // namespace kith
