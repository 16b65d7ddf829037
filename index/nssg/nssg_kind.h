// Index kind `nssg`: "High Dimensional Similarity Search with Satellite System Graph" (Fu, Wang, Cai, TPAMI
// 2021). Built at once: the candidates of a row are its neighbours and theirs in a k-NN graph, no walks; one
// is kept when it makes an angle of at least 60° with all kept ones. Walks begin at several random roots.
// Later rows are linked as they come, by the same rule.
#pragma once

#include "index/graph/graph_options.h"

namespace kith {

extern const GraphKind kNssgGraph;
extern const IndexKind kNssgKind;

}  // namespace kith
