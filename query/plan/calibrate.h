// calibrate: measures a Calibration with nothing but Index::search.
//
// Truth is a scan. Without a filter each query is searched at efforts from k / 16 up, in steps of
// `effort_step`, until recall is `recall_enough`. Under filters some of the queries are searched by every
// plan, each among random sets of rows of known share and correlation (synthetic_filter.h), whose exact
// answers follow from one ranking of the rows near the query; effort doubles until recall suffices or a plan
// takes half as long again as the scan that is enough. A vector that is stored is left out of its own search,
// of the walk too (SearchRequest::left_out): without that its neighbours lead to one another, and on SIFT the
// effort for .95 looked like a third of what queries need. Queries come first and plans last, so that
// whatever else the machine does meanwhile hits all plans alike. Edges for labels are made for labels that
// there are, so their plan is measured with some of these, each query with one label of each share.
//
// What it costs: one scan of all rows a query, about nine more for each k, and for each query under filters
// one that keeps a tenth of the rows in order; walks beside: about 60 a query without a filter, and for each
// query under filters up to some 500, most of them shorter than a scan of the rows allowed. With the defaults
// and 512 queries that is some 700 scans and at most 130,000 walks, and a tenth of the rows' numbers in
// memory. `seconds_max` ends it early, with fewer queries; `duty` spreads it over more time.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/clock.h"
#include "query/plan/calibration.h"
#include "query/plan/label_group.h"

namespace kith {

struct CalibrateSettings {
  std::vector<uint32_t> ks = {1, 10, 100};
  std::vector<double> shares = {1, 0.5, 0.2, 0.05, 0.01, 0.001};  // none: nothing under filters
  std::vector<double> correlations = {0.1, 1, 10};
  uint32_t filtered_queries_max = 128;  // of the queries, evenly spread
  uint32_t effort_max = 2048;
  double effort_step = 1.35;
  double recall_enough = 0.9995;
  double seconds_max = 120;  // of searching, pauses not counted
  double duty = 1;           // share of the time that it works, (0, 1]: it sleeps in between
  uint64_t seed = 1;
  const Clock* clock = &Clock::system();
};

struct CalibrateInput {
  VectorBlock queries;                      // query_type of the index
  std::span<const Row> stored_as;           // for each query the row that it is stored as, or kNoRow
  const RowSet* live = nullptr;             // of the index
  std::span<const LabelGroup> labels = {};  // whose plan is measured; each group of another share
  uint64_t sequence = 0;                    // of the collection
  CalibrateSettings settings;
  std::function<void(double)> progress = {};  // hears now and then how much is done, 0..1; may be null
  Stop stop;
};

/// InvalidArgument for no queries or settings that make no sense; errors of searches as they come.
/// Concurrent with everything that a search is.
Result<Calibration> calibrate(const Index& index, const IndexKind& kind, const CalibrateInput& input);

}  // namespace kith
