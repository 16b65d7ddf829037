#include "index/hnsw/hnsw_kind.h"

#include "index/graph/graph_index.h"
#include "index/option_reader.h"

namespace kith {
namespace {

/// ACORN-γ: lists for filters that leave a row in gamma, of at most m_beta + 1.5 m nodes on layer 0.
void read_acorn_options(OptionReader& reader, GraphOptions& out) {
  out.gamma = reader.number("gamma", 1, 1, 64);
  out.verbatim = reader.number("m_beta", 2 * out.links, 1, 256);
  if (out.gamma == 1) return;
  if (out.deterministic)  // lists are compressed by what others hold just then
    reader.refuse("gamma", invalid_argument("lists depend on threads; leave out deterministic"));
  out.rule.kind = PruneRule::Kind::kTwoHops;
  out.degree = out.degree_kept = std::min(out.verbatim + out.links + out.links / 2, 256u);
  out.ef_construction = std::max(out.ef_construction, out.links * out.gamma);
}

Result<GraphOptions> parse_hnsw(const IndexOptions& options, const VectorSpace& space) {
  OptionReader reader(options, "hnsw");
  GraphOptions out;
  out.levels = true;
  out.links = reader.number("m", out.links, 2, 128);
  out.degree = out.degree_kept = 2 * out.links;
  out.ef_construction = reader.number("ef_construction", out.ef_construction, 1, 10'000);
  out.ef = reader.number("ef", out.ef, 1, 100'000);
  read_delete_option(reader, out);
  out.pending_max = reader.number("pending_max", out.pending_max, 1, 1u << 30);
  out.keep_pruned = reader.flag("keep_pruned", out.keep_pruned);
  out.extend_candidates = reader.flag("extend_candidates", out.extend_candidates);
  out.deterministic = reader.flag("deterministic", out.deterministic);
  read_code_options(reader, space, 0, out);
  read_acorn_options(reader, out);
  TRY(reader.finish());
  return out;
}

}  // namespace

constexpr GraphKind kHnswGraph = {
    .name = "hnsw",
    .summary = "hierarchical navigable small world graph: fast, approximate, grows in place",
    .magic = "KITHHNSW",
    .build = nullptr,
    .parse = parse_hnsw,
};

constinit const IndexKind kHnswKind = index_kind_of<kHnswGraph>();

}  // namespace kith
