// Which of the RaBitQ tables runs here.
#pragma once

#include "index/codes/rabitq_kernels.h"
#include "index/distance/distance.h"

namespace kith::kernels {

/// Of the level in use. Thread-safe, never changes.
const RabitqTable& rabitq_table();
/// Of a given level (tests); null when this CPU or build lacks it.
const RabitqTable* rabitq_table_at(CpuLevel level);

}  // namespace kith::kernels
