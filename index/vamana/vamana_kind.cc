#include "index/vamana/vamana_kind.h"

#include "index/graph/graph_index.h"
#include "index/option_reader.h"

namespace kith {
namespace {

Result<GraphOptions> parse_vamana(const IndexOptions& options) {
  OptionReader reader(options, "vamana");
  GraphOptions out;
  out.entry_moves = true;
  out.rule.alpha = reader.real("alpha", 1.2f, 1, 2);
  out.degree = reader.number("degree", 32, 4, 256);
  // The slack of 1.3: a list takes `degree` before it is pruned to R = degree / 1.3, so that pruning comes
  // once in many edges. Against R = degree: three quarters of the build time at the same recall (SIFT, 40,000
  // rows).
  out.links = out.degree_kept = out.degree * 10 / 13;
  out.levels = reader.flag("levels", out.levels);
  out.ef_construction = reader.number("ef_construction", 100, 1, 10'000);
  out.ef = reader.number("ef", out.ef, 1, 100'000);
  out.pending_max = reader.number("pending_max", out.pending_max, 1, 1u << 30);
  out.deterministic = reader.flag("deterministic", out.deterministic);
  read_code_option(reader, out, "rabitq4");
  TRY(reader.finish());
  return out;
}

}  // namespace

constexpr GraphKind kVamanaGraph = {
    .name = "vamana",
    .summary = "one-layer graph pruned by alpha (DiskANN): fewer hops, approximate, grows in place",
    .magic = "KITHVAMA",
    .build = nullptr,
    .parse = parse_vamana,
};

constinit const IndexKind kVamanaKind = index_kind_of<kVamanaGraph>();

}  // namespace kith
