// Checkpoint of kind flat: the frame of section_file.h with magic "KITHFLAT" and the common sections of
// checkpoint.h.
#pragma once

#include "index/checkpoint.h"

namespace kith {

Result<void> write_flat(FileSystem& fs, const std::string& path, const IndexSpec& spec, Node nodes,
                        const RowTable& rows, const VectorStore& vectors);
Result<SectionFile> open_flat_file(FileSystem& fs, const std::string& path);

}  // namespace kith
