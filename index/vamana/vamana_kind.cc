#include "index/vamana/vamana_kind.h"

#include "index/graph/graph_index.h"
#include "index/option_reader.h"

namespace kith {
namespace {

/// As few bits as leave an estimate's error, tan(vector, code) / sqrt(dim) of the lengths, near .015: codes
/// are read from memory at random, so half the bits is up to half the time (docs/adr/0003). None where
/// vectors are hardly longer than codes.
uint32_t default_code_bits(const VectorSpace& space) {
  if (!CodeStore::serves(space) || space.bytes() < 128) return 0;
  return space.dim > 512 ? 2 : space.dim > 64 ? 3 : 4;
}

/// 40 where lists and codes then take up at most about a third of what the vectors do, else 32.
uint32_t default_degree(const VectorSpace& space, uint32_t code_bits) {
  const double code = code_bits == 0 ? 0 : 8.0 + (space.dim + 63) / 64 * 8.0 * code_bits;
  const double slots = (0.35 * static_cast<double>(space.bytes()) - code - 16) / sizeof(Slot);
  return slots >= 40 ? 40 : 32;
}

/// With `filtered` and `stitched` a list serves walks for each of its node's labels, and those for none.
constexpr uint32_t kLabelDegree = 64;

void read_label_options(OptionReader& reader, const VectorSpace& space, GraphOptions& out) {
  const std::string_view labels = reader.text("labels", "none");
  out.universal_label = reader.number("universal_label", kNoLabel, 0, kNoLabel);
  if (labels == "none" && out.universal_label != kNoLabel)
    reader.refuse("universal_label", invalid_argument("rows carry no labels; give labels=filtered"));
  if (labels == "filtered") {
    out.labels = LabelEdges::kFiltered;
  } else if (labels == "stitched") {
    out.labels = LabelEdges::kStitched;
  } else if (labels == "nested") {
    out.labels = LabelEdges::kNested;
    out.groups_max = reader.number("groups_max", out.groups_max, 1, 1u << 16);
    out.cross_edges = reader.number("cross_edges", out.cross_edges, 1, NestedStore::kSlots);
  } else if (labels == "fused") {
    out.labels = LabelEdges::kFused;
    out.rule.fused = true;
    if (space.metric == Metric::kInnerProduct)  // no distance to be relative to
      reader.refuse("labels", invalid_argument("fused is not for metric ip; give filtered"));
  } else if (labels != "none") {
    reader.refuse("labels",
                  invalid_argument("'{}' is none of none, filtered, stitched, nested, fused", labels));
  }
}

/// What these go without.
Result<void> check_label_options(const GraphOptions& options) {
  const bool nested = options.labels == LabelEdges::kNested;
  if (options.deterministic && options.labels == LabelEdges::kStitched)
    return invalid_argument("vamana: deterministic links as rows come, labels=stitched builds at once");
  if (options.deterministic && nested)
    return invalid_argument("vamana: deterministic: groups of labels=nested depend on the order of links");
  if (nested && options.universal_label != kNoLabel)
    return invalid_argument("vamana: universal_label: labels=nested has none; give labels=filtered");
  return {};
}

Result<GraphOptions> parse_vamana(const IndexOptions& options, const VectorSpace& space) {
  OptionReader reader(options, "vamana");
  GraphOptions out;
  out.entry_moves = true;
  out.rule.alpha = reader.real("alpha", 1.2f, 1, 2);
  read_code_options(reader, space, default_code_bits(space), out);
  read_label_options(reader, space, out);
  const bool labels = out.labels != LabelEdges::kNone && out.labels != LabelEdges::kNested;
  out.degree = reader.number("degree", labels ? kLabelDegree : default_degree(space, out.code_bits), 4, 256);
  // The slack of 1.3: a list takes `degree` before it is pruned to R = degree / 1.3, so that pruning comes
  // once in many edges. Against R = degree: three quarters of the build time at the same recall (SIFT, 40,000
  // rows).
  out.links = out.degree_kept = out.degree * 10 / 13;
  out.levels = reader.flag("levels", out.levels);
  out.ef_construction = reader.number("ef_construction", 128, 1, 10'000);
  out.ef = reader.number("ef", out.ef, 1, 100'000);
  read_delete_option(reader, out);
  out.pending_max = reader.number("pending_max", out.pending_max, 1, 1u << 30);
  out.deterministic = reader.flag("deterministic", out.deterministic);
  TRY(reader.finish());
  TRY(check_label_options(out));
  return out;
}

}  // namespace

constexpr GraphKind kVamanaGraph = {
    .name = "vamana",
    .summary = "one-layer graph pruned by alpha (DiskANN): fewer hops, approximate, grows in place",
    .magic = "KITHVAMA",
    .build = nullptr,
    .parse = parse_vamana,
    .labels = true,
};

constinit const IndexKind kVamanaKind = index_kind_of<kVamanaGraph>();

}  // namespace kith
