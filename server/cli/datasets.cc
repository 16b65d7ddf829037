// kith datasets: the catalog, and the files of one set.
#include <algorithm>

#include "datasets/catalog.h"
#include "server/cli/commands.h"
#include "server/cli/json_writer.h"
#include "server/cli/table.h"

namespace kith {
namespace {

struct Part {
  const char* name;
  std::string path;
};

/// Those that the set has.
std::vector<Part> parts_of(const Dataset& set) {
  std::vector<Part> parts;
  for (Part part : {Part{"base", set.base.path}, Part{"queries", set.queries.path},
                    Part{"groundtruth", set.groundtruth.path}, Part{"attributes", set.attributes_path}}) {
    if (!part.path.empty()) parts.push_back(std::move(part));
  }
  return parts;
}

Result<ExitCode> print_part(const Dataset& set, const std::string& name, Console& console) {
  std::string known;
  for (const Part& part : parts_of(set)) {
    if (part.name == name) {
      console.print_line(part.path);
      return ExitCode::kOk;
    }
    known += (known.empty() ? "" : ", ") + std::string(part.name);
  }
  return not_found("data set '{}' has no part '{}'; it has: {}", set.name, name, known);
}

Result<ExitCode> print_set(const Dataset& set, const std::string& part, Console& console) {
  if (set.synthetic) console.note(fmt::format("SYNTHETIC: {}", set.origin));
  if (!console.json && !part.empty()) return print_part(set, part, console);
  if (console.json) {
    JsonWriter out;
    out.begin_object().field("name", set.name).field("metric", metric_name(set.metric)).field("dim", set.dim);
    out.field("synthetic", set.synthetic).field("origin", set.origin).key("parts").begin_object();
    for (const Part& one : parts_of(set)) out.field(one.name, one.path);
    out.end_object().end_object();
    console.print_line(out.str());
    return ExitCode::kOk;
  }
  TextTable table({"part", "file"});
  for (const Part& one : parts_of(set)) table.add({one.name, one.path});
  console.print(table.str());
  return ExitCode::kOk;
}

}  // namespace

Result<ExitCode> run_datasets_list(Console& console) {
  if (console.json) {
    JsonWriter out;
    out.begin_object().key("datasets").begin_array();
    for (const CatalogEntry& entry : catalog()) {
      out.begin_object().field("name", entry.name).field("rows", entry.rows).field("dim", entry.dim);
      out.field("queries", entry.queries)
          .field("metric", metric_name(entry.metric))
          .field("licence", entry.licence);
      out.field("url", entry.url).field("summary", entry.summary).end_object();
    }
    out.end_array().end_object();
    console.print_line(out.str());
    return ExitCode::kOk;
  }
  TextTable table({"name", ">rows", ">dim", ">queries", "metric", "licence", "what it is"});
  for (const CatalogEntry& entry : catalog())
    table.add({entry.name, human_count(entry.rows), std::to_string(entry.dim), human_count(entry.queries),
               std::string(metric_name(entry.metric)), entry.licence, shorten(entry.summary, 70)});
  console.print(table.str());
  return ExitCode::kOk;
}

Result<ExitCode> run_datasets_fetch(const DatasetsOptions& options, Console& console) {
  ResolveOptions resolving;
  resolving.synthetic = options.synthetic;
  resolving.tell = [&console](const std::string& line) { console.note(line); };
  return print_set(TRY(resolve(options.name, resolving)), options.part, console);
}

Result<ExitCode> run_datasets_path(const DatasetsOptions& options, Console& console) {
  ResolveOptions resolving;
  resolving.download = false;
  resolving.synthetic = false;
  auto set = resolve(options.name, resolving);
  const bool known = std::any_of(catalog().begin(), catalog().end(), [&](const CatalogEntry& entry) {
    return entry.name.starts_with(options.name);
  });
  if (!set.ok() && set.error().code == Code::kNotFound && known)
    return not_found("{}; `kith datasets fetch {}` brings it here", set.error().message, options.name);
  return print_set(TRY(std::move(set)), options.part, console);
}

}  // namespace kith
