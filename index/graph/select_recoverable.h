// select_recoverable: the lists of ACORN-γ (Patel et al., SIGMOD 2024). A graph that is to serve any filter
// keeps of a node its M · γ nearest, so that about M of them pass a filter of share 1 / γ, and prunes none by
// direction: what occludes may not pass. Stored are the first M_β of them as they are, and of the others
// those that are no neighbour of one stored before: a walk reads the lists of these too, and so finds the
// rest at two hops (two_hop.h).
#pragma once

#include "index/graph/adjacency.h"
#include "index/graph/select_neighbors.h"
#include "index/graph/visited_set.h"

namespace kith {

struct RecoverableList {
  uint32_t verbatim;  // M_β: nearest that are kept as they are
  uint32_t reach;     // M · γ: nodes that the list is to lead to in one hop or two
  uint32_t max;       // kept at most
};

/// Selects from scratch.candidates into scratch.kept, near to far; forced ones always, at most `max` of them.
/// `reached` is working memory; nodes of all lists are below `nodes`.
void select_recoverable(const AdjacencyStore& lists, const RecoverableList& list, Node nodes,
                        VisitedSet& reached, PruneScratch& scratch);

}  // namespace kith
