// Which of the levels' tables of codes run here: chosen once, as in index/distance/dispatch.cc.
#pragma once

#include "index/codes/pq_kernels.h"
#include "index/codes/rabitq_kernels.h"
#include "index/codes/sq_kernels.h"
#include "index/distance/distance.h"

namespace kith::kernels {

/// Of the level in use. Thread-safe, never change.
const RabitqTable& rabitq_table();
const SqTable& sq_table();
const PqTable& pq_table();
const FastScanTable& fastscan_table();

/// Of a given level (tests); null when this CPU or build lacks it.
const RabitqTable* rabitq_table_at(CpuLevel level);
const SqTable* sq_table_at(CpuLevel level);
const PqTable* pq_table_at(CpuLevel level);
const FastScanTable* fastscan_table_at(CpuLevel level);

}  // namespace kith::kernels
