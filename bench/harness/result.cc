#include "bench/harness/result.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

namespace kith::bench {
namespace {

nlohmann::ordered_json figure_json(const Figure& figure) {
  nlohmann::ordered_json json{{"name", figure.name}, {"value", figure.value}, {"unit", figure.unit}};
  if (figure.rival) {
    json["rival"] = figure.rival->name;
    json["rival_value"] = figure.rival->value;
    if (std::optional<double> ratio = figure.ratio()) json["ratio"] = *ratio;
  }
  return json;
}

nlohmann::ordered_json machine_json(const Machine& machine) {
  return {
      {"cpu", machine.cpu},       {"cores", machine.cores},         {"memory_bytes", machine.memory_bytes},
      {"kernel", machine.kernel}, {"cpu_level", machine.cpu_level}, {"compiler", machine.compiler}};
}

}  // namespace

std::optional<double> Figure::ratio() const {
  if (!rival || rival->value == 0) return std::nullopt;
  return value / rival->value;
}

Report::Report(std::string suite, std::string commit, Machine machine)
    : suite_(std::move(suite)), commit_(std::move(commit)), machine_(std::move(machine)) {}

Result<void> Report::check_name(std::string_view name) const {
  bool printable = std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 127; });
  bool ours = name.size() > suite_.size() + 1 && name.substr(0, suite_.size()) == suite_ &&
              name[suite_.size()] == '/';
  bool whole = name.find("//") == std::string_view::npos && !name.empty() && name.back() != '/';
  if (printable && ours && whole && std::count(name.begin(), name.end(), '/') >= 2) return {};
  return invalid_argument("figure '{}': a name reads '{}/set/kind/figure', printable and without spaces",
                          name, suite_);
}

Result<void> Report::add(Figure figure) {
  TRY(check_name(figure.name));
  if (!std::isfinite(figure.value) || (figure.rival && !std::isfinite(figure.rival->value)))
    return invalid_argument("figure '{}': value {} is not a finite number; leave it out and add a note",
                            figure.name, figure.value);
  for (const Figure& other : figures_)
    if (other.name == figure.name)
      return invalid_argument("figure '{}' is in the report already", figure.name);
  figures_.push_back(std::move(figure));
  return {};
}

void Report::note(std::string text) {
  notes_.push_back(std::move(text));
}

std::string Report::to_json() const {
  nlohmann::ordered_json json{{"suite", suite_}, {"commit", commit_}, {"machine", machine_json(machine_)}};
  json["notes"] = notes_;
  json["results"] = nlohmann::ordered_json::array();
  for (const Figure& figure : figures_) json["results"].push_back(figure_json(figure));
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

Result<void> Report::write(FileSystem& fs, const std::string& path) const {
  size_t slash = path.rfind('/');
  if (slash != std::string::npos && slash > 0) TRY(fs.make_directories(path.substr(0, slash)));
  std::string json = to_json();
  return write_file_atomically(fs, path, std::as_bytes(std::span(json)));
}

std::string Report::to_text() const {
  std::string text;
  for (const Figure& figure : figures_) {
    text += fmt::format("{:<52} {:>14.6g} {:<6}", figure.name, figure.value, figure.unit);
    if (figure.rival) text += fmt::format("  {} {:.6g}", figure.rival->name, figure.rival->value);
    if (std::optional<double> ratio = figure.ratio()) text += fmt::format("  ratio {:.3f}", *ratio);
    text += "\n";
  }
  for (const std::string& note : notes_) text += "note: " + note + "\n";
  return text;
}

}  // namespace kith::bench
