// Checkpoint of kind flat: `main` with magic "KITHFLAT" and the common sections, and extents of vectors
// (checkpoint.h).
#pragma once

#include "index/checkpoint.h"

namespace kith {

Result<void> write_flat(CheckpointOutput& out, const IndexSpec& spec, Node nodes, const RowTable& rows,
                        const VectorStore& vectors);
Result<SectionFile> open_flat_file(const CheckpointInput& in);

}  // namespace kith
