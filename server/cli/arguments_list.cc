// Flags of count, scroll and facet.
#include <CLI/CLI.hpp>

#include "server/cli/arguments.h"
#include "server/cli/arguments_shared.h"

namespace kith {
namespace {

void add_count(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<CountOptions>();
  CLI::App* command = app.add_subcommand("count", "count the points of a collection");
  command->add_option("NAME", options->collection, "collection")->required();
  add_filter_flag(*command, options->filter);
  add_after_flag(*command, options->after);
  add_target_flags(*command, options->target, line);
  command->footer("Examples:\n  kith count books --filter \"year >= 1990\" --json");
  command->callback([options, &line] {
    line.chosen = [options](Console& console) { return run_count(*options, console); };
  });
}

void add_scroll(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<ScrollOptions>();
  CLI::App* command = app.add_subcommand("scroll", "list points page by page, by id or by a value");
  command->add_option("NAME", options->collection, "collection")->required();
  CLI::Option* order = command->add_option("--order-by", options->order_by,
                                           "path of the payload, as in filters (default: by id)");
  command->add_flag("--descending", options->descending, "largest values first")->needs(order);
  command->add_option("--cursor", options->cursor, "go on after the page that gave it")->needs(order);
  command->add_option("--from", options->from, "first id")->excludes(order);
  add_filter_flag(*command, options->filter);
  command->add_option("--limit", options->limit, "points of the page")
      ->check(within(limits::kScrollLimit))
      ->capture_default_str();
  add_after_flag(*command, options->after);
  command->add_flag("--with-payload", options->with_payload, "show payloads");
  command->add_flag("--with-vector", options->with_vector, "show vectors (with --json)");
  add_target_flags(*command, options->target, line);
  command->footer(
      "Points without a value come last.\n\n"
      "Examples:\n"
      "  kith scroll books --order-by year --descending --limit 20 --with-payload\n"
      "  kith scroll books --from 1000 --filter \"section = 'web'\" --json");
  command->callback([options, &line] {
    line.chosen = [options](Console& console) { return run_scroll(*options, console); };
  });
}

void add_facet(CLI::App& app, CommandLine& line) {
  auto options = std::make_shared<FacetOptions>();
  CLI::App* command = app.add_subcommand("facet", "list the values at a path, and how many points have each");
  command->add_option("NAME", options->collection, "collection")->required();
  command->add_option("PATH", options->path, "as in filters: section, or author.name")->required();
  add_filter_flag(*command, options->filter);
  command->add_option("--limit", options->limit, "values: those of most points")
      ->check(within(limits::kFacetLimit))
      ->capture_default_str();
  add_after_flag(*command, options->after);
  add_target_flags(*command, options->target, line);
  command->footer("Examples:\n  kith facet books section --filter \"year >= 1990\" --limit 20");
  command->callback([options, &line] {
    line.chosen = [options](Console& console) { return run_facet(*options, console); };
  });
}

}  // namespace

void add_list_commands(CLI::App& app, CommandLine& line) {
  add_count(app, line);
  add_scroll(app, line);
  add_facet(app, line);
}

}  // namespace kith
