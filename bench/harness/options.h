// The flags that every suite's executable has: --quick, --smoke, --json OUT. Suites add their own.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "bench/harness/result.h"

namespace kith::bench {

/// How much is measured. kSmoke proves in seconds that the suite runs and writes its JSON; its figures mean
/// nothing.
enum class Extent { kFull, kQuick, kSmoke };

struct CommonOptions {
  std::string json;  // "" = print only
  bool quick = false;
  bool smoke = false;

  Extent extent() const { return smoke ? Extent::kSmoke : quick ? Extent::kQuick : Extent::kFull; }
};

inline void add_common_options(CLI::App& app, CommonOptions& options) {
  app.add_option("--json", options.json, "write the results to this file");
  app.add_flag("--quick", options.quick, "fewer queries, efforts and passes; under two minutes");
  app.add_flag("--smoke", options.smoke,
               "synthetic data, seconds: proves that the suite runs, its figures mean nothing");
}

/// Prints the report and writes it where --json says. The exit code of the program.
int finish_report(const Result<Report>& report, const CommonOptions& options);

}  // namespace kith::bench
