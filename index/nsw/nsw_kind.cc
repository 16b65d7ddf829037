#include "index/nsw/nsw_kind.h"

#include "index/graph/graph_index.h"
#include "index/option_reader.h"

namespace kith {
namespace {

Result<GraphOptions> parse_nsw(const IndexOptions& options, const VectorSpace& space) {
  OptionReader reader(options, "nsw");
  GraphOptions out;
  out.entry_moves = true;
  out.rule.kind = PruneRule::Kind::kClosest;
  out.links = reader.number("m", 14, 2, 64);
  out.degree = out.degree_kept = reader.number("degree", 4 * out.links, 4, 256);
  out.starts = reader.number("restarts", 10, 0, 64);
  out.ef_construction = reader.number("ef_construction", 100, 1, 10'000);
  out.ef = reader.number("ef", out.ef, 1, 100'000);
  read_delete_option(reader, out);
  out.pending_max = reader.number("pending_max", out.pending_max, 1, 1u << 30);
  read_code_options(reader, space, 0, out);
  TRY(reader.finish());
  if (out.degree < 2 * out.links)
    return invalid_argument("nsw: option degree is {}; give at least twice m, {}", out.degree, 2 * out.links);
  return out;
}

}  // namespace

constexpr GraphKind kNswGraph = {
    .name = "nsw",
    .summary = "navigable small world graph without pruning or levels: simple, approximate, grows in place",
    .magic = "KITHNSWG",
    .build = nullptr,
    .parse = parse_nsw,
};

constinit const IndexKind kNswKind = index_kind_of<kNswGraph>();

}  // namespace kith
