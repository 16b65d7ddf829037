#include "index/registry.h"

#include <array>

#include "index/flat/flat_index.h"
#include "index/hcnng/hcnng_kind.h"
#include "index/hnsw/hnsw_kind.h"
#include "index/nsg/nsg_kind.h"
#include "index/nssg/nssg_kind.h"
#include "index/nsw/nsw_kind.h"
#include "index/vamana/vamana_kind.h"

namespace kith {
namespace {

constexpr std::array<const IndexKind*, 7> kKinds = {
    &kFlatKind, &kHnswKind, &kVamanaKind, &kNswKind, &kNsgKind, &kNssgKind, &kHcnngKind,
};

}  // namespace

std::span<const IndexKind* const> index_kinds() {
  return kKinds;
}

Result<const IndexKind*> find_index_kind(std::string_view name) {
  std::string names;
  for (const IndexKind* kind : kKinds) {
    if (kind->name == name) return kind;
    names += names.empty() ? kind->name : fmt::format(", {}", kind->name);
  }
  return not_found("no index kind '{}'; there are: {}", name, names);
}

Result<std::unique_ptr<Index>> create_index(const IndexSpec& spec) {
  const IndexKind* kind = TRY(find_index_kind(spec.kind));
  return kind->create(spec);
}

}  // namespace kith
